# SPDX-License-Identifier: AGPL-3.0-or-later
"""The convolutional part of a frozen TensorFlow graph, as OpenCV can read it.

A frozen detection graph also resizes, makes anchors and suppresses doubles with operations that OpenCV does not know.
The graph is protocol buffers (``GraphDef``: field 1 is a node; ``NodeDef``: 1 name, 2 operation, 3 inputs), of which
only the nodes behind the wanted outputs are kept, up to the one that is replaced by the input.
"""

from collections.abc import Iterator

_NODE, _NAME, _INPUT = 1, 1, 3
_BYTES = 2


def trimmed(graph: bytes, entry: str, outputs: list[str]) -> bytes:
    """Return the graph that computes ``outputs`` from ``entry``, which becomes a placeholder."""
    nodes: dict[str, tuple[list[str], bytes]] = {}
    order: list[str] = []
    for number, value in _fields(graph):
        if number == _NODE:
            parts = list(_fields(value))
            name = next(part.decode() for field, part in parts if field == _NAME)
            inputs = [part.decode().lstrip("^").partition(":")[0] for field, part in parts if field == _INPUT]
            nodes[name] = inputs, value
            order.append(name)
    wanted, ahead = {entry}, list(outputs)
    while ahead:
        name = ahead.pop()
        if name not in wanted:
            wanted.add(name)
            ahead += nodes[name][0]
    placeholder = _bytes(_NAME, entry.encode()) + _bytes(2, b"Placeholder")
    return b"".join(_bytes(_NODE, placeholder if name == entry else nodes[name][1]) for name in order if name in wanted)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message; numbers are left out, nobody here needs them."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == _BYTES:
            length, place = _varint(data, place)
            yield key >> 3, data[place : place + length]
            place += length
        elif kind == 0:
            _, place = _varint(data, place)
        else:
            place += {1: 8, 5: 4}[kind]


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place


def _bytes(field: int, data: bytes) -> bytes:
    length, head = len(data), bytes([field << 3 | _BYTES])
    while length > 127:
        head += bytes([length & 127 | 128])
        length >>= 7
    return head + bytes([length]) + data
