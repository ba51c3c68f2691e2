import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_cube.datasets.sample_city import (
    draw_scene,
    write_inria,
    write_wbd,
    write_whu,
)
from mmseg_cube.datasets.sample_city.styles import STYLES

TOOL = Path(__file__).parents[2] / 'tools' / 'make_sample_city.py'
FEW = {'train': 2, 'val': 1, 'test': 1}
MARKER = '.sample_city.json'


def load_tool():
    spec = importlib.util.spec_from_file_location('make_sample_city', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stamps(root):
    files = sorted(path for path in root.rglob('*') if path.is_file())
    return {path.relative_to(root): path.stat().st_mtime_ns for path in files}


@pytest.mark.parametrize('style', [None, *STYLES])
def test_scene_is_a_picture_and_a_mask(style):
    image, mask = draw_scene((7, 1), size=128, style=style)
    assert image.shape == (128, 128, 3) and image.dtype == np.uint8
    assert mask.shape == (128, 128) and mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 255}
    assert image.std() > 10


@pytest.mark.parametrize('seed', [3, (3, 1, 4)])
def test_same_seed_same_bytes(seed):
    first, again = draw_scene(seed, 96), draw_scene(seed, 96)
    for a, b in zip(first, again, strict=True):
        assert a.tobytes() == b.tobytes()
    other, _ = draw_scene((9, 9), 96)
    assert other.tobytes() != first[0].tobytes()


def test_share_of_buildings():
    masks = [draw_scene((11, i), size=128)[1] for i in range(48)]
    shares = np.array([(mask > 0).mean() for mask in masks])
    built = shares[shares > 0]
    assert 0.02 <= 1 - len(built) / len(shares) <= 0.3
    assert 0.10 < built.mean() < 0.40
    assert built.max() < 0.9


def test_density_moves_the_share():
    def share(density):
        masks = [
            draw_scene((5, i), 192, density=density, style='suburb')[1]
            for i in range(6)
        ]
        return np.mean([mask > 0 for mask in masks])

    assert share(0) == 0
    assert 0.03 < share(0.4) < share(1.0)


def test_roofs_differ_from_ground():
    differences = []
    for i in range(6):
        image, mask = draw_scene((2, i), 192, density=1.0, style='suburb')
        inner = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
        outer = cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0
        differences.append(
            np.abs(image[inner].mean(0) - image[outer].mean(0)).max()
        )
    assert np.median(differences) > 8


def test_structure_scales_with_ground_area():
    def houses(size, gsd):
        _, mask = draw_scene(4, size, gsd, density=1.0, style='suburb')
        return cv2.connectedComponents(mask)[0] - 1

    assert houses(512, 0.3) > 2 * houses(512, 0.12)


@pytest.mark.parametrize(
    ('arguments', 'word'),
    [
        ({'size': 63}, '63'),
        ({'size': 5001}, '5001'),
        ({'gsd': 0.0}, 'gsd'),
        ({'density': 1.5}, '1.5'),
        ({'style': 'atlantis'}, 'atlantis'),
    ],
)
def test_scene_rejects(arguments, word):
    with pytest.raises(ValueError, match=word):
        draw_scene(0, **arguments)


@pytest.mark.parametrize('write', [write_whu, write_wbd])
@pytest.mark.parametrize('suffix', ['.tif', '.png', '.jpg'])
def test_splits_on_disk(tmp_path, write, suffix):
    root = write(tmp_path / 'city', FEW, size=64, image_suffix=suffix)
    assert root == tmp_path / 'city'
    labels = '.png' if suffix == '.jpg' else suffix
    for split, count in FEW.items():
        images = sorted((root / split / 'image').iterdir())
        masks = sorted((root / split / 'label').iterdir())
        assert [path.suffix for path in images] == [suffix] * count
        assert [path.suffix for path in masks] == [labels] * count
        stems = [int(path.stem) for path in images]
        assert stems == [int(path.stem) for path in masks]
        for path in images:
            image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert image.shape == (64, 64, 3)
        for path in masks:
            mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert mask.shape == (64, 64)
            assert set(np.unique(mask)) <= {0, 255}


def test_layouts_hold_different_scenes(tmp_path):
    first = write_whu(tmp_path / 'a', {'train': 2}, 64)
    second = write_whu(tmp_path / 'b', {'train': 1}, 64, seed=1)
    pictures = [first / 'train/image/1.tif', first / 'train/image/2.tif']
    pictures.append(second / 'train/image/1.tif')
    assert len({path.read_bytes() for path in pictures}) == 3
    assert (first / 'val' / 'label').is_dir()


def test_inria_on_disk(tmp_path):
    rasterio = pytest.importorskip('rasterio')
    root = write_inria(
        tmp_path, 2, size=64, regions=('tyrol-w', 'chicago'), test_tiles=1
    )
    base = root / 'AerialImageDataset'
    names = {'tyrol-w1', 'tyrol-w2', 'chicago1', 'chicago2'}
    for folder in ('images', 'gt'):
        found = (base / 'train' / folder).iterdir()
        assert {path.name for path in found} == {f'{n}.tif' for n in names}
    tests = {path.stem for path in (base / 'test' / 'images').iterdir()}
    assert tests == {
        *('bellingham1', 'bloomington1', 'innsbruck1', 'sfo1', 'tyrol-e1')
    }
    assert not (base / 'test' / 'gt').exists()
    edges = {}
    for name, epsg in (('tyrol-w', 32632), ('chicago', 32616)):
        for number in (1, 2):
            tile = f'{name}{number}.tif'
            with rasterio.open(base / 'train' / 'images' / tile) as image:
                assert image.count == 3
                assert image.crs.to_epsg() == epsg
                assert (image.transform.a, image.transform.e) == (0.3, -0.3)
                assert image.profile.get('compress') is None
                edges[tile] = image.bounds
            with rasterio.open(base / 'train' / 'gt' / tile) as truth:
                assert truth.count == 1
                assert truth.bounds == edges[tile]
                assert set(np.unique(truth.read())) <= {0, 255}
    # Tiles of a region do not lie on top of each other.
    assert edges['tyrol-w1.tif'].right == edges['tyrol-w2.tif'].left


def test_second_run_writes_nothing(tmp_path):
    write_whu(tmp_path, FEW, 64)
    before = stamps(tmp_path)
    write_whu(tmp_path, FEW, 64)
    assert stamps(tmp_path) == before


def test_interrupted_run_repairs_itself(tmp_path):
    write_whu(tmp_path, FEW, 64)
    before = stamps(tmp_path)
    lost = tmp_path / 'train' / 'image' / '2.tif'
    content = lost.read_bytes()
    lost.unlink()
    rest = lost.with_name('.2.tif.part')
    rest.write_bytes(content[:100])
    write_whu(tmp_path, FEW, 64)
    after = stamps(tmp_path)
    assert lost.read_bytes() == content
    assert not rest.exists()
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {lost.relative_to(tmp_path)}


def test_other_parameters_replace_the_files(tmp_path):
    write_whu(tmp_path, FEW, 64)
    first = (tmp_path / 'train/image/1.tif').read_bytes()
    own = tmp_path / 'train' / 'image' / 'notes.txt'
    own.write_text('mine')
    write_whu(tmp_path, {'train': 1}, 64, seed=1)
    names = {path.name for path in (tmp_path / 'train/image').iterdir()}
    assert names == {'1.tif', 'notes.txt'}
    assert (tmp_path / 'train/image/1.tif').read_bytes() != first
    assert not list((tmp_path / 'val' / 'image').iterdir())
    note = json.loads((tmp_path / MARKER).read_text())
    assert note['parameters']['seed'] == 1


def test_foreign_data_is_never_overwritten(tmp_path):
    real = tmp_path / 'train' / 'image' / '1.tif'
    real.parent.mkdir(parents=True)
    real.write_bytes(b'real')
    with pytest.raises(ValueError, match='other data'):
        write_whu(tmp_path, FEW, 64)
    assert real.read_bytes() == b'real'


@pytest.mark.parametrize(
    ('write', 'options', 'word'),
    [
        (write_whu, {'size': 32}, '32'),
        (write_whu, {'counts': {'train': -1}}, '-1'),
        (write_whu, {'counts': {'extra': 1}}, 'extra'),
        (write_whu, {'seed': -1}, 'seed'),
        (write_wbd, {'image_suffix': '.bmp'}, 'bmp'),
        (write_inria, {'regions': ('atlantis',)}, 'atlantis'),
        (write_inria, {'tiles_per_region': -2}, '-2'),
        (write_inria, {'test_tiles': -1}, 'test_tiles'),
    ],
)
def test_writers_reject(tmp_path, write, options, word):
    with pytest.raises(ValueError, match=word):
        write(tmp_path / 'city', **options)
    assert not (tmp_path / 'city').exists()


def test_tool(tmp_path, capsys):
    argv = ['whu', str(tmp_path), '--size', '64', '--train', '2']
    argv += ['--val', '1', '--test', '0', '--image-suffix', '.png']
    assert load_tool().main(argv) == 0
    out = capsys.readouterr().out
    assert out.count('\n') == 1 and '3 images' in out
    assert (tmp_path / 'train' / 'label' / '2.png').is_file()


@pytest.mark.parametrize(
    'options',
    [
        ['whu', '--size', '10'],
        ['wbd', '--train', '-3'],
        ['inria', '--regions', 'atlantis'],
    ],
)
def test_tool_rejects(tmp_path, capsys, options):
    layout, *rest = options
    argv = [layout, str(tmp_path / 'city'), *rest]
    assert load_tool().main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith('make_sample_city: ')
    assert error.count('\n') == 1
