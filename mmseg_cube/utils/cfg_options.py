"""The option of mmseg's own tools that replaces settings of a config."""

from argparse import ArgumentParser

from mmengine.config import DictAction


def add_cfg_options(parser: ArgumentParser) -> None:
    """Add ``--cfg-options key=value ...``, an empty dict by default."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='settings that replace those of the config, as key=value',
    )
