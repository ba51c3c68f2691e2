"""Two processes on CPUs score a test set exactly as one does."""

import json


def test_two_processes_score_as_one(trained, run_tool, tmp_path):
    checkpoint = (trained / 'last_checkpoint').read_text()
    scores = []
    for processes in (1, 2):
        work = tmp_path / str(processes)
        work.mkdir()
        log = run_tool('test', checkpoint, cwd=work, processes=processes)
        assert ('Distributed training: True' in log) == (processes == 2)
        (path,) = work.glob('work_dirs/*/*/*.json')
        found = json.loads(path.read_text())
        scores.append(
            {k: v for k, v in found.items() if k.startswith('building/')}
        )
    assert scores[0] == scores[1]
    assert {'building/IoU', 'building/F1'} <= set(scores[0])
