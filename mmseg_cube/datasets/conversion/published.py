"""Published numbers of tiles and patches."""

from collections.abc import Mapping

# Satellite set II keeps tiles without buildings apart; both halves count.
WHU = {
    'the aerial set': dict(train=4736, val=1036, test=2416),
    'satellite set II': dict(train=3135 + 10527, test=903 + 2823),
}
WBD = {'WBD': dict(val=6887)}
INRIA_TILES = {'the tiles': dict(train=155, val=25, test=180)}
INRIA_PATCHES = {
    'buildformer': {'buildformer': dict(train=9737, val=1942)},
    'full': {'full': dict(train=15500, val=2500, test=18000)},
}
PATCH_SIZE = 512  # of the patches that were counted


def published(dataset: str | None, manifest: Mapping) -> dict[str, dict]:
    """Counts per split that were published for a dataset, by what they count.

    Args:
        dataset: ``inria``, ``whu``, ``wbd`` or None.
        manifest: Settings of the conversion that made the data, if any.
    """
    if dataset == 'inria' and 'protocol' in manifest:
        size = manifest.get('size'), manifest.get('stride')
        if size != (PATCH_SIZE, PATCH_SIZE):
            return {}
        return INRIA_PATCHES.get(manifest['protocol'], {})
    known = {'inria': INRIA_TILES, 'whu': WHU, 'wbd': WBD}
    return known.get(dataset, {})


def compare(
    counts: Mapping[str, int], expected: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """Word how counts differ from what was published.

    Args:
        counts: Tiles per split.
        expected: Published counts; the likeliest ones are compared, those
            of the same splits first.

    Returns:
        One line of text per split that differs.
    """
    if not expected:
        return []

    def differing(name: str) -> list[str]:
        numbers = expected[name]
        return [s for s in numbers if counts.get(s, 0) != numbers[s]]

    def distance(name: str) -> tuple[bool, int]:
        return set(expected[name]) != set(counts), len(differing(name))

    name = min(expected, key=distance)
    return [
        f'{split}: {counts.get(split, 0):,} tiles, published for {name}: '
        f'{expected[name][split]:,}'
        for split in differing(name)
    ]
