# SPDX-License-Identifier: AGPL-3.0-or-later
"""Make the person detector compute with 8-bit numbers: half the time and half the size, and it finds the same.

Weights become int8 with a scale for each output channel, activations int8 with one range for each layer (``RANGES``),
as TensorFlow Lite's quantisation specification has it. The result depends on the published file and on this one alone,
byte for byte; ``scripts/fetch_weights.py`` pins its hash. Usage: ``python scripts/quantise_weights.py WEIGHTS CLIP...``
measures the ranges again, on pictures of the rendered street and of each video file, and prints them. ``WEIGHTS`` is
the published file.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

_OP, _TYPE = schema.BuiltinOperator, schema.TensorType
_LAYERS = {_OP.CONV_2D: 3, _OP.DEPTHWISE_CONV_2D: 3, _OP.ADD: 2}
"""What is computed in int8, and the version of the operator that can."""
_IN_FLOAT = 2
"""So many layers, from the first, stay in floating point: in eight bits they cost half of the persons."""
_HEADS = {"BoxEncodingPredictor": 10.0, "ClassPredictor": 8.0}
"""Beyond these, box encodings and class predictions do not matter: nobody believes such a box."""
_SHARE = 99.99
_PICTURES = 8
# fmt: off
RANGES: tuple[tuple[float, float], ...] = (
    (0, 6), (0, 6), (-22.68, 21.47), (0, 6), (0, 6), (-14.59, 14.76), (0, 6), (0, 6), (-20.11, 22.19), (-21.11,
    21.31), (0, 6), (0, 6), (-10.51, 11.11), (0, 6), (0, 6), (-13.39, 11.38), (-13.45, 13.17), (0, 5.19), (0, 5.63),
    (-13.34, 13.98), (-15.96, 18.95), (0, 6), (0, 6), (-8.55, 8.55), (0, 6), (0, 5.3), (-6.38, 7.59), (-11.19,
    9.82), (0, 6), (0, 5.26), (-9.76, 12.3), (-13.35, 12.31), (0, 6), (0, 6), (-42.48, 14.96), (-38.58, 16.04), (0,
    6), (0, 6), (-14.06, 15.79), (0, 6), (0, 6), (-28.32, 30.48), (-39.48, 44.91), (0, 6), (0, 6), (-42.46, 45.71),
    (-74.14, 57.39), (0, 6), (-10, 6.71), (-8, 8), (0, 6), (-5.23, 4.68), (0, 5.38), (0, 5.25), (-6.31, 6.24),
    (-6.67, 6.96), (0, 4.6), (0, 4), (-8.72, 9.24), (-11.57, 11.37), (0, 6), (0, 6), (-7.73, 7.83), (0, 6), (-4.57,
    3.49), (-8, 8), (0, 6), (0, 6), (-3.26, 3.59), (-8, 7.62), (0, 4.49), (0, 6), (-3.21, 2.8), (-7.28, 6.33), (0,
    4.47), (0, 6), (-2.31, 2.22), (-6.02, 5.45), (0, 3.4), (0, 6), (-2.97, 1.99), (-5.77, 5.42),
)
# fmt: on
"""Lowest and highest value of each layer's output, in the order of the graph."""


class QuantiseError(Exception):
    """One line that says what is wrong."""


class _Model:
    """The network being rewritten."""

    def __init__(self, data: bytes) -> None:
        self.model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
        self.graph = self.model.subgraphs[0]
        operators = list(self.graph.operators)
        self._stored = {int(op.outputs[0]): op for op in operators if self.code(op) == _OP.DEQUANTIZE}
        """The constants: 16-bit numbers, each with an operator that makes floats of them."""
        self.steps = [op for op in operators if self.code(op) != _OP.DEQUANTIZE]
        self.floats = {int(self.graph.inputs[0])}
        self.eights: dict[int, int] = {}
        self.done: list[Any] = []

    def code(self, operator: Any) -> int:
        """Which operator it is."""
        kind = self.model.operatorCodes[operator.opcodeIndex]
        return int(max(kind.builtinCode, kind.deprecatedBuiltinCode))

    def opcode(self, code: int, version: int) -> int:
        """The place of an operator in the model's list, added if need be."""
        for place, kind in enumerate(self.model.operatorCodes):
            if (max(kind.builtinCode, kind.deprecatedBuiltinCode), kind.version) == (code, version):
                return place
        kind = schema.OperatorCodeT()
        kind.builtinCode = kind.deprecatedBuiltinCode = code
        kind.version = version
        self.model.operatorCodes.append(kind)
        return len(self.model.operatorCodes) - 1

    def name(self, tensor: int) -> str:
        """What the network's makers called it."""
        return str(self.graph.tensors[tensor].name.decode())

    def constant(self, tensor: int) -> Floats:
        """The values of a stored tensor."""
        stored = self.graph.tensors[int(self._stored[tensor].inputs[0])]
        data = np.asarray(self.model.buffers[stored.buffer].data, np.uint8).tobytes()
        return np.frombuffer(data, np.float16).reshape(stored.shape).astype(np.float32)

    def add(self, name: str, values: Any, shape: Any, kind: int, scale: Any, zero: Any, axis: int = 0) -> int:
        """A new tensor; ``values`` is None where it is computed."""
        tensor, facts = schema.TensorT(), schema.QuantizationParametersT()
        facts.scale, facts.quantizedDimension = np.atleast_1d(np.asarray(scale, np.float32)), axis
        facts.zeroPoint = np.broadcast_to(np.asarray(zero, np.int64), facts.scale.shape)
        tensor.name, tensor.shape, tensor.type, tensor.quantization = name, list(shape), kind, facts
        tensor.buffer = 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def scale(self, tensor: int) -> float:
        """What one step of an int8 tensor is worth."""
        return float(self.graph.tensors[tensor].quantization.scale[0])

    def eight(self, tensor: int, low: float, high: float) -> int:
        """Its int8 form: 256 steps from ``low`` to ``high``, one of them exactly 0."""
        if tensor not in self.eights:
            low, high = min(low, 0.0), max(high, 0.0)
            step = np.float32((high - low) / 255)
            zero = int(np.clip(round(-128 - low / float(step)), -128, 127))
            shape = self.graph.tensors[tensor].shape
            self.eights[tensor] = self.add(f"int8/{tensor}", None, shape, _TYPE.INT8, step, zero)
        return self.eights[tensor]

    def convert(self, code: int, version: int, source: int, target: int) -> None:
        """Between floats and int8."""
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self.opcode(code, version), [source], [target]
        quantises = code == _OP.QUANTIZE
        options = schema.BuiltinOptions
        operator.builtinOptionsType = options.QuantizeOptions if quantises else options.DequantizeOptions
        operator.builtinOptions = schema.QuantizeOptionsT() if quantises else schema.DequantizeOptionsT()
        self.done.append(operator)

    def in_floats(self, operator: Any) -> None:
        """Leave it as it is, with its constants and its inputs in floating point."""
        for tensor in map(int, operator.inputs):
            if tensor in self._stored:
                self.done.append(self._stored[tensor])
            elif tensor not in self.floats and tensor in self.eights:
                self.convert(_OP.DEQUANTIZE, 2, self.eights[tensor], tensor)
                self.floats.add(tensor)
        self.done.append(operator)
        self.floats.add(int(operator.outputs[0]))

    def in_eights(self, operator: Any, low: float, high: float) -> None:
        """Compute it in int8, and its output from ``low`` to ``high``."""
        code, output = self.code(operator), int(operator.outputs[0])
        if code == _OP.ADD:
            operator.inputs = [self.eights[int(tensor)] for tensor in operator.inputs]
        else:
            operator.inputs = self._weighed(code, *map(int, operator.inputs))
        operator.outputs = [self.eight(output, low, high)]
        operator.opcodeIndex = self.opcode(code, _LAYERS[code])
        self.done.append(operator)

    def _weighed(self, code: int, source: int, weights: int, biases: int) -> list[int]:
        axis = 3 if code == _OP.DEPTHWISE_CONV_2D else 0
        values, offsets = self.constant(weights), self.constant(biases)
        others = tuple(each for each in range(4) if each != axis)
        scales = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-8) / 127
        steps = np.clip(np.round(values / scales), -127, 127).astype(np.int8)
        flat = scales.ravel().astype(np.float32)
        bias_scales = (np.float64(self.scale(self.eights[source])) * flat).astype(np.float32)
        bias_steps = np.round(offsets / bias_scales.astype(np.float64)).clip(-(2**31) + 1, 2**31 - 1).astype(np.int32)
        return [
            self.eights[source],
            self.add(f"int8/{weights}", steps, values.shape, _TYPE.INT8, flat, 0, axis),
            self.add(f"int32/{biases}", bias_steps, offsets.shape, _TYPE.INT32, bias_scales, 0),
        ]

    def pack(self) -> bytes:
        """The file, without what is not used any more."""
        self.graph.operators = self.done
        used = {self.graph.tensors[int(each)].buffer for op in self.done for each in op.inputs}
        for place, buffer in enumerate(self.model.buffers):
            if place not in used:
                buffer.data = None
        for tensor in self.graph.tensors:
            if self.model.buffers[tensor.buffer].data is None:
                tensor.buffer = 0
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def quantised(data: bytes) -> bytes:
    """The published network, computing in int8. ``QuantiseError`` if it is not the network that ``RANGES`` are of."""
    model = _Model(data)
    layers = [op for op in model.steps if model.code(op) in _LAYERS]
    if len(layers) != len(RANGES):
        raise QuantiseError(f"the network has {len(layers)} layers, not the {len(RANGES)} whose ranges are known")
    first = {id(op) for op in layers[:_IN_FLOAT]}
    ranges = {id(op): each for op, each in zip(layers, RANGES, strict=True)}
    for operator in model.steps:
        if id(operator) not in ranges or id(operator) in first:
            model.in_floats(operator)
            if operator is layers[_IN_FLOAT - 1]:
                output = int(operator.outputs[0])
                model.convert(_OP.QUANTIZE, 1, output, model.eight(output, *ranges[id(operator)]))
        else:
            model.in_eights(operator, *ranges[id(operator)])
    return model.pack()


def measured(data: bytes, pictures: Iterator[Floats]) -> list[tuple[float, float]]:
    """The ranges of the layers' outputs on these pictures (300 x 300 x 3), less the farthest ten-thousandth of each."""
    model = _Model(data)
    outputs = [int(op.outputs[0]) for op in model.steps if model.code(op) in _LAYERS]
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    net = Interpreter(model_content=data, experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True)
    net.allocate_tensors()
    found = [(0.0, 0.0)] * len(outputs)
    for picture in pictures:
        net.set_tensor(net.get_input_details()[0]["index"], picture[None])
        net.invoke()
        for place, output in enumerate(outputs):
            low, high = np.percentile(net.get_tensor(output), (100 - _SHARE, _SHARE))
            # Names are joined by semicolons; the first one is the layer's own.
            name = model.name(output).split(";")[0]
            most = next((limit for head, limit in _HEADS.items() if head in name), np.inf)
            found[place] = max(min(found[place][0], low), -most), min(max(found[place][1], high), most)
    return [(round(float(low), 2), round(float(high), 2)) for low, high in found]


def _pictures(clips: list[Path]) -> Iterator[Floats]:
    import av

    from custodes.clock import Instant
    from custodes.demo.street import Street
    from custodes.domain.video import Frame, SourceTime
    from custodes.video.mask.detector import network_input

    def given(i420: bytes) -> Floats:
        return network_input(Frame(640, 360, i420, Instant(0), SourceTime(1, 0)))

    for view in range(3):
        street = Street(1, view)
        for index in range(3 * _PICTURES):
            yield given(street.truth(3_000 + 97 * index).picture.tobytes())
    for clip in clips:
        with av.open(str(clip)) as container:
            for number, picture in enumerate(container.decode(video=0)):
                if number % 40 == 0 and number < 40 * _PICTURES:
                    yield given(picture.reformat(640, 360, "yuv420p", dst_colorspace="ITU709").to_ndarray().tobytes())


def main() -> None:
    """Print the ranges as measured now."""
    published, *clips = map(Path, sys.argv[1:])
    print(json.dumps(measured(published.read_bytes(), _pictures(clips))))


if __name__ == "__main__":
    main()
