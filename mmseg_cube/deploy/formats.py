"""Formats of exported networks: how each is written and read.

What was read runs on the CPU, with as many threads as torch has.
ONNX goes through the exporter that traces. Torch calls it the older one, but
torch 2.1 has no other that takes images of any size, and it needs no further
package. ``torch.export`` itself can do so in newer releases only.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.onnx.symbolic_helper import parse_args

from mmseg_cube.ops import FEW_CHANNELS

try:
    from torch.fx.experimental import _config as shape_config
except ImportError:  # torch 2.1
    shape_config = None

# The first with LayerNormalization.
OPSET = 17
AXES = {0: 'batch', 2: 'height', 3: 'width'}
INPUT, OUTPUT = 'images', 'logits'
# Archives of torch hold the metadata in a file of their own.
METADATA_FILE = 'metadata.json'
METADATA = 'mmseg_cube'  # what OpenVINO keeps it under
SHUFFLE = 'aten::pixel_shuffle'
OBLIVIOUS = 'backed_size_oblivious'

Run = Callable[[Tensor], Tensor]


class Format(NamedTuple):
    """Suffix of a format, how it is written and read, and what that takes."""

    suffix: str
    write: Callable[[nn.Module, Tensor, Path, dict[str, str]], None]
    read: Callable[[Path], Run]
    needs: tuple[str, ...] = ()
    extra: str = 'export'  # of this package, which brings what it needs
    weights: tuple[str, ...] = ()  # suffix of a second file, which has them
    # Channels of the lattice below which its engine runs plain convolutions
    # faster; measured.
    few: int = FEW_CHANNELS


def write_onnx(
    module: nn.Module, images: Tensor, path: Path, metadata: dict[str, str]
) -> None:
    """Write ONNX with standard operators only, metadata in its properties."""
    import onnx

    torch.onnx.register_custom_op_symbolic(SHUFFLE, _shuffle, OPSET)
    try:
        _trace_to_onnx(module, images, path)
    finally:
        torch.onnx.unregister_custom_op_symbolic(SHUFFLE, OPSET)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _trace_to_onnx(module: nn.Module, images: Tensor, path: Path) -> None:
    # Newer torch has to be told; torch 2.1 has this exporter only.
    older = {} if torch.__version__ < '2.5' else dict(dynamo=False)
    torch.onnx.export(
        module,
        (images,),
        str(path),
        opset_version=OPSET,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_axes=None if module.shape else {INPUT: AXES, OUTPUT: AXES},
        verbose=False,
        **older,
    )


@parse_args('v', 'i')
def _shuffle(
    graph: torch.Graph, input: torch.Value, scale: int
) -> torch.Value:
    """Pixel shuffle, columns first, then rows.

    In onnxruntime that takes half the time of its one step, DepthToSpace.
    """

    def numbers(*values: int) -> torch.Value:
        return graph.op('Constant', value_t=torch.tensor(values))

    # To (N, G, r, r, H, W); zeros keep a size.
    out = graph.op('Unsqueeze', input, numbers(1, 2))
    out = graph.op('Reshape', out, numbers(0, -1, scale, scale, 0, 0))
    out = graph.op('Transpose', out, perm_i=[0, 1, 2, 4, 5, 3])
    out = graph.op('Reshape', out, numbers(0, 0, 0, 0, -1))
    out = graph.op('Transpose', out, perm_i=[0, 1, 3, 2, 4])
    size, grown = graph.op('Shape', input), numbers(1, 1, scale, scale)
    size = graph.op('Mul', size, grown)
    size = graph.op('Div', size, numbers(1, scale**2, 1, 1))
    return graph.op('Reshape', out, size)


def read_onnx(path: Path) -> Run:
    """Read ONNX with onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what fails is raised as well
    session = onnxruntime.InferenceSession(
        str(path), options, providers=['CPUExecutionProvider']
    )
    return lambda images: torch.from_numpy(
        session.run([OUTPUT], {INPUT: images.numpy()})[0]
    )


def write_openvino(
    module: nn.Module, images: Tensor, path: Path, metadata: dict[str, str]
) -> None:
    """Write OpenVINO's IR by way of ONNX, metadata in its runtime info."""
    openvino = _import_openvino()
    with TemporaryDirectory() as folder:
        onnx = Path(folder, 'network.onnx')
        _trace_to_onnx(module, images, onnx)
        model = openvino.Core().read_model(onnx)
        for name, value in metadata.items():
            model.set_rt_info(value, [METADATA, name])
        # By default it would round weights to half precision.
        openvino.save_model(model, path, compress_to_fp16=False)


def read_openvino(path: Path) -> Run:
    """Read IR, weights beside it, with OpenVINO."""
    openvino = _import_openvino()
    options = dict(
        INFERENCE_NUM_THREADS=torch.get_num_threads(),
        INFERENCE_PRECISION_HINT='f32',  # or some processors take bfloat16
    )
    model = openvino.Core().compile_model(path, 'CPU', options)
    return lambda images: torch.from_numpy(model(images.numpy())[OUTPUT])


def _import_openvino() -> ModuleType:
    # Or the import alone would report to its makers over the network.
    sys.modules.setdefault('openvino_telemetry', None)
    import openvino

    return openvino


def write_torchscript(
    module: nn.Module, images: Tensor, path: Path, metadata: dict[str, str]
) -> None:
    """Write a traced module."""
    traced = torch.jit.trace(module, images, check_trace=False)
    files = {METADATA_FILE: json.dumps(metadata)}
    torch.jit.save(traced, str(path), _extra_files=files)


def write_torch_export(
    module: nn.Module, images: Tensor, path: Path, metadata: dict[str, str]
) -> None:
    """Write an exported program, for images larger than one padded cell."""
    Dim = torch.export.Dim
    smallest = module.divisor + 1
    sizes = {
        axis: Dim(name, min=smallest) if axis else Dim(name)
        for axis, name in AXES.items()
    }
    # Sizes are not to be told apart by whether they happen to be equal in
    # the example; torch's own ONNX exporter sets this too.
    with shape_config.patch(**{OBLIVIOUS: True}):
        program = torch.export.export(
            module,
            (images,),
            dynamic_shapes=None if module.shape else (sizes,),
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    files = {METADATA_FILE: json.dumps(metadata)}
    torch.export.save(program, path, extra_files=files)


FORMATS = dict(
    onnx=Format(
        '.onnx', write_onnx, read_onnx, ('onnx', 'onnxruntime'), few=8
    ),
    openvino=Format(
        '.xml',
        write_openvino,
        read_openvino,
        ('onnx', 'openvino'),
        extra='openvino',
        weights=('.bin',),
        few=8,
    ),
    torchscript=Format('.pt', write_torchscript, torch.jit.load),
)
if hasattr(shape_config, OBLIVIOUS):
    FORMATS['torch_export'] = Format(
        '.pt2',
        write_torch_export,
        lambda path: torch.export.load(path).module(),
    )
