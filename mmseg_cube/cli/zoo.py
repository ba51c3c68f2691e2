"""Bring metafiles and tables of the model zoo up to date with the configs.

From the configs in the folder configs it makes the Models of every
metafile.yml, the table in every README.md between its two marks, and
model-index.yml. What is written by hand stays: the Collections above the
models, the text around a table, and Results, Weights and Training Log of a
model.
"""

from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    what = 'write nothing; exit with 1 if a file is out of date'
    add('--check', what, default=False)
    what = 'folder with configs in it (the current one)'
    add('--root', what, type=Path, default='')


def run(args: Namespace) -> int:
    from mmseg_cube.analysis.zoo.pages import find_outdated, generate
    from mmseg_cube.utils.whole_files import write_text_whole

    texts = generate(args.root)
    outdated = find_outdated(texts)
    for path in outdated:
        if args.check:
            print(f'{path} is out of date')
        else:
            write_text_whole(path, texts[path])
            print(f'{path} written')
    if args.check and outdated:
        print('mmseg-cube zoo brings them up to date')
        return 1
    print(f'{len(texts)} files are up to date')
    return 0
