"""Trained networks, loaded to be looked into."""

from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from mmseg.models import BaseSegmentor

from mmseg_cube.analysis.complexity.chart import SCHEDULE
from mmseg_cube.analysis.learned.orders import final_temperature
from mmseg_cube.utils import networks


@dataclass(frozen=True)
class LearnedNetwork:
    """A trained network.

    Attributes:
        name: What pictures call it.
        config: Its config.
        checkpoint: File or address of its weights.
        model: The segmentor with weights, in evaluation mode.
        temperature: Temperature of its routers at the end of the training,
            None if nothing cooled them.
    """

    name: str
    config: str
    checkpoint: str
    model: BaseSegmentor
    temperature: float | None


def load_network(cfg: Config, checkpoint: str, name: str) -> LearnedNetwork:
    """Load a network, to a GPU if there is one.

    Args:
        cfg: Its config.
        checkpoint: File or address of its weights.
        name: What to call it.

    Raises:
        OSError: If there is no such checkpoint.
        ValueError: If it is not one of this network.
    """
    model = networks.load_network(cfg, checkpoint, None)
    loaded = CheckpointLoader.load_checkpoint(checkpoint, 'cpu')
    temperature = final_temperature(cfg, loaded)
    return LearnedNetwork(name, cfg.filename, checkpoint, model, temperature)


def name_networks(configs: list[str]) -> list[str]:
    """Name networks after their configs, without schedule and data.

    Those that would share a name keep all of the config's; files of one name
    are called after their folders, and one file after its number.
    """
    stems = [Path(config).stem for config in configs]
    short = [SCHEDULE.sub('', stem) for stem in stems]
    folders = [Path(config).resolve().parts[-2::-1] for config in configs]
    for names in (short, stems, *zip(*folders, strict=False)):
        if len(set(names)) == len(names):
            return list(names)
    return [f'{stem} ({i})' for i, stem in enumerate(stems, 1)]
