"""From a raster to files: strips, then what is made of them."""

import hashlib
import json
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import torch
from mmseg.models import BaseSegmentor

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.inference.batch import peak_memory
from mmseg_cube.inference.output_folder import PARTS, Note, OutputFolder
from mmseg_cube.inference.outputs import SUFFIXES, write_outputs
from mmseg_cube.inference.raster import Tiling, predict_bands
from mmseg_cube.inference.scene import Bands, Scene
from mmseg_cube.inference.scene_files import image_date
from mmseg_cube.inference.strips import WINDOWS_HIGH, Strips
from mmseg_cube.utils.memory import give_back_memory
from mmseg_cube.utils.whole_files import write_json
from mmseg_cube.version import __version__

WITH_PLACE = 'probability', 'mask', 'preview'
WITHOUT_PLACE = ('png',)
Progress = Callable[[int, int], object]  # pixels that are done, and of all


@dataclass(frozen=True)
class Output:
    """What to write, and where.

    ``shard`` is the number of this process, from 0, and how many share the
    work. Each makes its own strips; the one that makes the last one of a
    raster writes its files.
    """

    folder: str | Path
    write: Sequence[str] = ()  # keys of SUFFIXES; by whether a raster has CRS
    threshold: float = 0.5  # of the probability of a building
    strip: int | None = None  # rows; eight windows
    exact: bool = False  # probabilities as float32
    shard: tuple[int, int] = (0, 1)


@dataclass(frozen=True)
class RasterResult:
    """What has become of a raster."""

    files: tuple[Path, ...]  # none yet, if other processes have strips of it
    new: bool  # something was predicted or written
    building: int  # pixels
    pixels: int  # that have data


class RasterPredictor:
    """Predicts rasters of any size into a folder.

    What is in the folder and not changed since is not made again, down to
    the strips of a raster. The model is a segmentor of background and
    building, on its device; ``about`` is noted in the manifest.
    """

    def __init__(
        self,
        model: BaseSegmentor,
        tiling: Tiling,
        bands: Bands,
        output: Output,
        about: Mapping[str, object] | None = None,
    ) -> None:
        self.model, self.tiling, self.bands = model, tiling, bands
        self.output, self.about = output, dict(about or {})
        shared = output.shard[1] > 1
        self.folder = OutputFolder(Path(output.folder), shared)
        # The size of a batch changes no more than the last digits.
        cut = {k: v for k, v in asdict(tiling).items() if k != 'batch'}
        self.settings = dict(
            network=fingerprint(model),
            threshold=output.threshold,
            exact=output.exact,
            **cut,
            **asdict(bands),
        )
        if bands.nodata is not None:
            self.settings['nodata'] = str(bands.nodata)  # nan is not nan
        self.settings = json.loads(json.dumps(self.settings))

    def hold(self) -> AbstractContextManager:
        """Hold the folder for several rasters, against other runs."""
        return self.folder.opened(self.settings, self.about)

    def predict(
        self,
        paths: str | Path | Sequence[str | Path],
        name: str | None = None,
        progress: Progress | None = None,
    ) -> RasterResult:
        """Predict a raster, or what of it is not there yet.

        Args:
            paths: A raster, or the files of a mosaic.
            name: Of its files; by default that of the (first) raster.
            progress: Called with the pixels done, and all of this process.

        Raises:
            ValueError: If it cannot be read, or the folder was begun with
                other settings.
            OSError: If the disk is full.
        """
        with self.hold():
            scene = Scene(paths, self.bands)
            name = name or Path(scene.paths[0]).stem
            return self._predict(scene, name, progress)

    def _predict(
        self, scene: Scene, name: str, progress: Progress | None
    ) -> RasterResult:
        folder, identity = self.folder, scene.identity()
        kinds, target = self._choose_kinds(scene), folder.folder / name
        files = [name + SUFFIXES[kind] for kind in kinds]
        if folder.has(name, identity, files):
            return self._result(name, new=False)
        # Where processes share the folder, others may have begun.
        kept = {} if folder.shared else folder.discard(name, identity, files)
        mark = json.dumps([identity, self.settings]).encode()
        strips = Strips(
            folder.folder / PARTS / name,
            hashlib.sha256(mark).hexdigest()[:16],
            scene.shape,
            self.tiling.starts(scene.shape[0]),
            self.output.strip or WINDOWS_HIGH * self.tiling.size,
            self.output.threshold,
            self.output.exact,
        )
        start = time.perf_counter()
        with scene.cache(self.tiling.size):
            try:
                new = self._fill(strips, scene, name, progress)
            except Exception:
                # What is there can be looked at, before the next try. That
                # this fails, too, is not what is to be told.
                if 'coverage' in kinds and strips.tiles():
                    with suppress(OSError), folder.alone():
                        write_outputs(['coverage'], scene, strips, {}, target)
                raise
            if strips.missing():  # other processes are to make them
                return RasterResult((), new, 0, 0)
            seconds = dict(predict=time.perf_counter() - start)
            give_back_memory()  # the peak would be that of both
            with folder.alone():
                if folder.has(name, identity, files):
                    return self._result(name, new)
                if folder.shared:  # nobody else is writing now
                    kept = folder.discard(name, identity, files)
                kept |= self._write(kinds, scene, strips, target, seconds)
                folder.note(Note(name, identity, kept, *strips.counts()))
        shutil.rmtree(strips.folder, ignore_errors=True)
        return self._result(name, True)

    def _choose_kinds(self, scene: Scene) -> Sequence[str]:
        """Return what is asked for, or what a raster with its place gets."""
        kinds = self.output.write
        if not kinds:
            kinds = WITH_PLACE if scene.has_place else WITHOUT_PLACE
            return kinds + ('coverage',) * scene.has_degrees
        if 'coverage' in kinds and not scene.has_degrees:
            raise RasterError(
                'has no CRS, or a wrong one: there is no coverage in degrees',
                'Leave coverage out of --write.',
            )
        return kinds

    def _fill(
        self,
        strips: Strips,
        scene: Scene,
        name: str,
        progress: Progress | None,
    ) -> bool:
        """Make the strips that this process has to; tell if there are any."""
        rank, count = self.output.shard
        # Rasters of one strip are spread, too.
        first = zlib.crc32(name.encode())
        mine = [n for n in strips.missing() if (first + n) % count == rank]
        rows = [strips.rows[number] for number in mine]
        done, total = 0, sum(end - top for top, end in rows) * scene.shape[1]

        def counted(bands: Iterator) -> Iterator:
            nonlocal done
            for band in bands:
                done += band.size
                if progress:
                    progress(done, total)
                yield band

        # What follows each other shares the windows at its borders.
        for _, pairs in groupby(
            enumerate(mine), lambda pair: pair[1] - pair[0]
        ):
            run = [number for _, number in pairs]
            rows = strips.rows[run[0]][0], strips.rows[run[-1]][1]
            bands = predict_bands(self.model, scene, self.tiling, rows)
            strips.write(run, counted(bands))
        return bool(mine)

    def _write(
        self,
        kinds: Sequence[str],
        scene: Scene,
        strips: Strips,
        target: Path,
        seconds: Mapping[str, float],
    ) -> dict[str, int]:
        """Write files and ``NAME.json``; return names and bytes of them."""
        tags = dict(
            TIFFTAG_SOFTWARE=f'mmseg_cube {__version__}',
            image=Path(scene.name).name,
            network=self.settings['network'],
            threshold=self.output.threshold,
        )
        if day := image_date(scene.paths):
            tags['image_date'] = day
        start = time.perf_counter()
        written = write_outputs(kinds, scene, strips, tags, target)
        building, valid = strips.counts()
        report = dict(
            image=scene.name,
            height=scene.shape[0],
            width=scene.shape[1],
            crs=scene.crs.to_string() if scene.crs else None,
            transform=list(scene.transform)[:6],
            scale=scene.channels.scale,
            building_pixels=building,
            pixels_with_data=valid,
            peak_memory_mb=peak_memory() // 2**20 or None,
            settings=self.about | self.settings,
            seconds={**seconds, 'write': time.perf_counter() - start},
        )
        if scene.has_place:
            write_json(target.with_name(f'{target.name}.json'), report)
        return written

    def _result(self, name: str, new: bool) -> RasterResult:
        note = self.folder.notes[name]
        files = tuple(self.folder.folder / file for file in note.files)
        return RasterResult(files, new, note.building, note.pixels)


def fingerprint(model: BaseSegmentor) -> str:
    """Identify a network by its settings and all of its weights, in hex."""
    cfg = getattr(model, 'cfg', None)
    about = repr(cfg.model if cfg else model)
    digest = hashlib.sha256(about.encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(f'{name} {tuple(value.shape)} {value.dtype}'.encode())
        value = value.detach().cpu().contiguous().reshape(-1)
        digest.update(value.view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
