"""What a conversion did, also when it had to stop."""

import errno
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DatasetError

FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class Conversion:
    """What a conversion did.

    Attributes:
        root: The folder that was filled.
        tiles: Number of finished tiles per part.
        patches: Number of patches per part.
        written: Patches of which a file was written now.
        faults: One line of text per tile or file that could not be used.
        notes: What else a person should know.
    """

    root: Path
    tiles: Counter = field(default_factory=Counter)
    patches: Counter = field(default_factory=Counter)
    written: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, dict[str, int]]:
        """Tiles and patches per part."""
        return {
            part: dict(tiles=count, patches=self.patches[part])
            for part, count in sorted(self.tiles.items())
        }

    def __str__(self) -> str:
        parts = [
            f'{part} {self.patches[part]} patches of {count} tiles'
            for part, count in self.tiles.items()
        ]
        return f'{self.root}: {"; ".join(parts) or "nothing"}'

    def count(self, part: str, patches: Sequence[str]) -> None:
        """Count a finished tile.

        Args:
            part: ``train``, ``val`` or ``test``.
            patches: Names of its patches.
        """
        self.tiles[part] += 1
        self.patches[part] += len(patches)

    def stopped(self, error: OSError, total: int) -> DatasetError:
        """Word the error for files that cannot be written.

        Args:
            error: What the system said.
            total: Number of tiles.
        """
        reason = 'the disk is full'
        if error.errno not in FULL:
            reason = f'a file cannot be written or read ({error})'
        return DatasetError(
            f'{reason}; {self._done(total)}.\nNext: make room or mend this, '
            'then run the same command again to continue.'
        )

    def killed(self, total: int) -> DatasetError:
        """Word the error for a worker that was killed.

        Args:
            total: Number of tiles.
        """
        return DatasetError(
            'a worker process was killed, most often because memory ran out; '
            f'{self._done(total)}.\nNext: run the same command again to '
            'continue, with fewer --workers if it happens again.'
        )

    def _done(self, total: int) -> str:
        return (
            f'{sum(self.tiles.values())} of {total} tiles are done in '
            f'{self.root}, and whatever was written stays'
        )
