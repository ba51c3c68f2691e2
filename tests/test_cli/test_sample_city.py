import pytest

from mmseg_cube.cli import main


@pytest.mark.parametrize(
    ('words', 'file', 'images'),
    [
        ('whu --train 2 --val 1 --test 0', 'train/label/2.tif', 3),
        ('wbd --train 0 --val 0 --test 1', 'test/image/1.png', 1),
        ('inria --regions austin --tiles-per-region 2 --test-tiles 0',
         'AerialImageDataset/train/gt/austin2.tif', 2),
    ],
)  # fmt: skip
def test_draws_a_layout(tmp_path, capsys, words, file, images):
    words += f' --out {tmp_path}/city --size 64 --seed 3'
    assert main(['sample-city', *words.split()]) == 0
    out = capsys.readouterr().out
    assert out.count('\n') == 1 and f'{images} images' in out
    assert (tmp_path / 'city' / file).is_file()
