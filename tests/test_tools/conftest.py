"""Scripts of ``tools``, imported by their path."""

import importlib.util
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture(scope='session')
def load_tool():
    """Import a script of ``tools`` by its name without ``.py``."""

    def load_tool(name):
        path = TOOLS / f'{name}.py'
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_tool
