"""Trainings that are killed, or go wrong, lose nothing.

They are killed with -9 wherever they are about to touch a file, a few times
spread over them; MMSEG_CUBE_KILLS=200 in the environment makes it 200.
"""

import os
import random
import signal
import subprocess
import sys
import uuid
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils.data import DataLoader

from mmseg_cube.engine import SafeCheckpointHook

KILLS = int(os.environ.get('MMSEG_CUBE_KILLS', 6))
DISK = {'open', 'write', 'replace', 'unlink', 'close', 'flush'}
IMAGES = [f'{i}.tif' for i in range(16)]


class Line(BaseModel):
    """Learns a slope; its score is a wave, so the best is not the last."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(3))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode == 'predict':
            return [self.slope.mean()] * len(inputs)
        wrong = sum(sample.loss for sample in data_samples)
        return dict(loss=(self.slope - torch.stack(inputs)).norm() + wrong)


class Score(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return dict(score=float(torch.stack(results).mul(18).sin().mean()))


def make_runner(folder, loss=0.0, **options):
    torch.manual_seed(0)
    samples = [SegDataSample(metainfo=dict(img_path=x)) for x in IMAGES]
    for sample in samples:
        bad = sample.img_path == '9.tif'
        sample.set_field(loss if bad else 0.0, 'loss')
    data = [dict(inputs=torch.rand(3), data_samples=x) for x in samples]
    loader = partial(DataLoader, batch_size=2, collate_fn=pseudo_collate)
    hook = dict(by_epoch=False, interval=2, max_keep_ckpts=1, rule='greater')
    hook = dict(type=SafeCheckpointHook, save_best='score', **hook) | options
    return Runner(
        model=Line(),
        work_dir=str(folder),
        experiment_name=str(uuid.uuid4()),
        train_dataloader=loader(data),
        val_dataloader=loader(data[:4]),
        val_evaluator=[Score()],
        val_cfg=dict(),
        train_cfg=dict(by_epoch=False, max_iters=7, val_interval=2),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
        default_hooks=dict(checkpoint=hook),
        log_level='WARNING',
        resume=True,
    )


def train(folder, kill, count):
    """Train to the end, or until a file is touched for the ``kill``-th time.

    ``count`` becomes how often that was.
    """

    def watch(frame, event, function):
        if event == 'c_call' and function.__name__ in DISK:
            count.value += 1
            if count.value == kill:
                os.kill(os.getpid(), signal.SIGKILL)

    runner = make_runner(folder)
    sys.setprofile(watch)
    runner.train()


def start(folder, kill=0):
    """Train in a process of its own; return its exit code and count."""
    fork = get_context('fork')
    count = fork.Value('i')
    process = fork.Process(target=train, args=(folder, kill, count))
    process.start()
    process.join()
    return process.exitcode, count.value


def load(path):
    return torch.load(path, weights_only=False)


def files(folder):
    return {p.name for p in folder.iterdir() if p.suffix not in ('', '.py')}


def kill_and_resume(root):
    """Kill a training here and there; what is resumed ends as if it was not.

    Nothing here is random, so that all is equal to the last bit.
    """
    code, count = start(root / 'whole')
    assert code == 0
    kept = files(root / 'whole')
    assert kept == {'best_score_iter_4.pth', 'iter_7.pth'}
    expected = load(root / 'whole' / 'iter_7.pth')
    draw = random.Random(0)
    for i in range(KILLS):
        kill = draw.randint(i * count // KILLS + 1, (i + 1) * count // KILLS)
        folder = root / str(kill)
        assert start(folder, kill) == (-signal.SIGKILL, kill)
        for path in folder.glob('*.pth'):
            load(path)  # it is whole
        assert start(folder)[0] == 0, kill
        assert files(folder) == kept, kill
        found = load(folder / 'iter_7.pth')
        for key in ('state_dict', 'optimizer'):
            equal = dict(atol=0, rtol=0)
            torch.testing.assert_close(found[key], expected[key], **equal)
        # Each validation once, the last one too.
        scores, steps = (
            x['message_hub']['log_scalars']['val/score'].data[0].tolist()
            for x in (found, expected)
        )
        assert scores == steps, kill
    print(KILLS, 'of', count)


def test_a_kill_loses_nothing(tmp_path):
    # In a process that has no threads yet, so that it can be forked.
    done = subprocess.run(
        [sys.executable, __file__, tmp_path],
        env=os.environ | dict(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize('wrong', ['nan', 'inf'])
def test_a_loss_that_is_not_finite_ends_a_training(tmp_path, wrong):
    said = f'iteration 5 .* loss {wrong}; batch: 8.tif, 9.tif. .*/iter_4.pth'
    with pytest.raises(ValueError, match=said):
        make_runner(tmp_path, float(wrong), interval=1).train()
    assert files(tmp_path) == {'iter_4.pth', 'best_score_iter_4.pth'}


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    runner = make_runner(tmp_path, interval=1)
    runner.model.slope.register_hook(lambda grad: grad / 0)
    with pytest.raises(ValueError, match='iteration 1 .*not finite: slope'):
        runner.train()
    assert not files(tmp_path)


def test_a_best_score_is_among_the_scores(tmp_path):
    runner = make_runner(tmp_path, save_best='mIoU')
    runner.val_evaluator.metrics[0].prefix = 'building'  # known from the start
    with pytest.raises(ValueError, match='mIoU is none.*: building/. Next'):
        runner.train()
    assert not files(tmp_path)
    with pytest.raises(ValueError, match='save_best=mIoU is none.*: score. N'):
        make_runner(tmp_path, save_best='mIoU').train()
    make_runner(tmp_path).train()
    assert files(tmp_path) == {'iter_7.pth', 'best_score_iter_4.pth'}


def test_where_a_training_began_is_not_where_it_goes_on(tmp_path):
    start = tmp_path / 'first' / 'iter_7.pth'
    make_runner(start.parent).train()
    last = []
    for resume in (False, True):
        runner = make_runner(tmp_path / 'second')
        runner._load_from, runner._resume = str(start), resume
        runner.train()
        last.append(load(tmp_path / 'second' / 'iter_7.pth')['state_dict'])
    torch.testing.assert_close(*last, atol=0, rtol=0)
    assert not last[0]['slope'].equal(load(start)['state_dict']['slope'])


if __name__ == '__main__':
    kill_and_resume(Path(sys.argv[1]))
