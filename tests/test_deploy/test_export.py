import json
import zipfile
from xml.etree import ElementTree

import onnx
import onnxruntime
import pytest
import torch

from mmseg_cube.deploy import ExportError, describe, export_segmentor
from mmseg_cube.deploy.export import largest_difference
from mmseg_cube.deploy.formats import FORMATS

SIZE = 64
TWO = ['.xml', '.bin']  # of OpenVINO


def stored_metadata(path):
    """Metadata as someone reads it who has only the file."""
    if path.suffix == '.onnx':
        return {p.key: p.value for p in onnx.load(path).metadata_props}
    if path.suffix == '.xml':
        found = ElementTree.parse(path).find('rt_info/mmseg_cube')
        return {child.tag: child.get('value') for child in found}
    with zipfile.ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if 'metadata.json' in n]
        return json.loads(archive.read(name))


@pytest.fixture
def change_format(monkeypatch):
    """Change how a format is written or read."""

    def change(format, **options):
        changed = FORMATS[format]._replace(**options)
        monkeypatch.setitem(FORMATS, format, changed)

    return change


def test_file_says_what_it_is(segmentor, cfg, tmp_path, format):
    """Images of any size: test_families."""
    path = tmp_path / 'new' / f'net{FORMATS[format].suffix}'
    difference, _ = export_segmentor(segmentor, cfg, path, format, SIZE)
    assert 0 <= difference <= 1e-4
    files = [path, *map(path.with_suffix, FORMATS[format].weights)]
    assert {*path.parent.iterdir()} == {*files}
    assert stored_metadata(path) == describe(segmentor, cfg)
    if format != 'onnx':
        return
    model = onnx.load(path)
    # Standard operators only.
    assert {entry.domain for entry in model.opset_import} <= {'', 'ai.onnx'}
    assert {node.domain for node in model.graph.node} <= {'', 'ai.onnx'}
    assert not model.functions
    session = onnxruntime.InferenceSession(path)
    (images,), (logits,) = session.get_inputs(), session.get_outputs()
    assert images.shape == ['batch', 3, 'height', 'width']
    assert (images.name, logits.name) == ('images', 'logits')


@pytest.mark.parametrize(
    'scale, size', [(1, (3, 5)), (2, (4, 7)), (3, (5, 2))]
)
def test_channels_are_shuffled_as_in_torch(tmp_path, scale, size):
    path, shuffle = tmp_path / 'net.onnx', torch.nn.PixelShuffle(scale)
    shuffle.shape = None
    FORMATS['onnx'].write(shuffle, torch.rand(2, 36, 6, 6), path, {})
    images = torch.rand(3, 36, *size)
    assert FORMATS['onnx'].read(path)(images).equal(shuffle(images))
    # In two steps, of which onnxruntime must not make one.
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count('Transpose') == 2 and 'DepthToSpace' not in kinds


def test_metadata(segmentor, cfg):
    described = describe(segmentor, cfg)
    assert json.loads(described['classes']) == ['background', 'building']
    assert json.loads(described['palette'])[1] == [255, 0, 0]
    normalisation = json.loads(described['normalisation'])
    assert normalisation['channels'] == 'RGB'
    assert normalisation['mean'] == pytest.approx([123.675, 116.28, 103.53])
    assert json.loads(described['window'])['crop_size'] == [512, 512]
    assert described['config'] == 'cube-tiny.py'


def test_large_logits_differ_by_more():
    image = ((1, 3, 8, 8),)
    found = largest_difference(lambda x: x + 1, lambda x: x + 1.5, image)
    assert found == pytest.approx(0.5 / 256, rel=0.1)
    found = largest_difference(lambda x: x / 999, lambda x: x / 999 + 1, image)
    assert found == pytest.approx(1)


@pytest.mark.parametrize(
    'format, suffixes', [('torchscript', ['.pt']), ('openvino', TWO)]
)
def test_files_are_all_new_or_all_old(
    segmentor, cfg, tmp_path, change_format, format, suffixes
):
    def write(module, images, path, metadata):
        for suffix in suffixes:
            path.with_suffix(suffix).write_text('new')

    def export(spoil=lambda logits: logits):
        def read(path):
            return lambda images: spoil(segmentor(images))

        change_format(format, write=write, read=read, needs=())
        found, shapes = export_segmentor(
            segmentor, cfg, files[0], format, SIZE
        )
        assert (found, len(shapes)) == (0, 3)

    files = [tmp_path / f'net.v2{suffix}' for suffix in suffixes]
    for file in files:
        file.write_text('old')
    for spoil in (
        lambda logits: logits + 2e-2,
        lambda logits: logits[:, :1],
        lambda logits: logits * float('nan'),
    ):
        with pytest.raises(ExportError, match='differ by up to'):
            export(spoil)
        found = {x: x.read_text() for x in tmp_path.iterdir()}
        assert found == dict.fromkeys(files, 'old')
    export()
    found = {x: x.read_text() for x in tmp_path.iterdir()}
    assert found == dict.fromkeys(files, 'new')
    files[-1].unlink()
    files[-1].mkdir()
    with pytest.raises(OSError, match=f'{files[-1].name} is a folder; name'):
        export()
    assert {*tmp_path.iterdir()} == {*files}


@pytest.mark.parametrize(
    'format, name, size, words',
    [
        ('onnx', 'net.pt', SIZE, 'must end in .onnx'),
        ('coreml', 'net.onnx', SIZE, "one of .*'onnx'.* got 'coreml'"),
        ('onnx', 'net.onnx', 32, 'larger than 32.* got 32'),
        ('torchscript', 'net.pt', SIZE, 'needs no_such, not inst.*cube.some]'),
    ],
)
def test_wrong_requests(
    segmentor, cfg, tmp_path, change_format, format, name, size, words
):
    needs = dict(needs=('onnx', 'no_such'), extra='some')
    change_format('torchscript', **needs)
    with pytest.raises(ValueError, match=words):
        export_segmentor(segmentor, cfg, tmp_path / name, format, size)
    assert not list(tmp_path.iterdir())
