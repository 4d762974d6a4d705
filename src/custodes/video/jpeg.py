# SPDX-License-Identifier: AGPL-3.0-or-later
"""JPEG pictures: the headers that RTP leaves out, put back.

Source: RFC 2435, clause 3 and appendices A and B; ITU-T T.81, B.2 and annex K. The entropy-coded bytes stay as the
camera sent them. All input is hostile: errors are ``CustodesError`` (CORRUPT).
"""

import struct

from custodes.errors import corrupt

_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
"""Table K.1 in zigzag order, as RFC 2435, appendix A has it."""
_CHROMA = bytes.fromhex("1112121815182f1a1a2f63423842" + "63" * 50)
"""Table K.2 in zigzag order."""
_HUFFMAN = (
    (0x00, "00010501010101010100000000000000", "000102030405060708090a0b"),
    (
        0x10,
        "0002010303020403050504040000017d",
        (
            "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a"
            "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394"
            "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8"
            "e9eaf1f2f3f4f5f6f7f8f9fa"
        ),
    ),
    (0x01, "00030101010101010101010000000000", "000102030405060708090a0b"),
    (
        0x11,
        "00020102040403040705040400010277",
        (
            "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728"
            "292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92"
            "939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7"
            "e8e9eaf2f3f4f5f6f7f8f9fa"
        ),
    ),
)
"""Tables K.3 to K.6: class and number, how many codes of each length, their values."""


def scaled_tables(quality: int) -> bytes:
    """The two quantisation tables of a quality of 1 to 99 (RFC 2435, 4.2 and appendix A)."""
    if not 1 <= quality <= 99:
        raise corrupt("a JPEG picture of the camera has a quality that does not exist")
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return bytes(min(255, max(1, (value * scale + 50) // 100)) for value in _LUMA + _CHROMA)


def picture(width: int, height: int, kind: int, tables: bytes, restart: int, scan: bytes) -> bytes:
    """Return the whole picture (RFC 2435, appendix B).

    ``kind``: 0 (4:2:2) or 1 (4:2:0); ``tables``: one or two of 64 bytes; ``restart``: interval in MCUs, 0 for none;
    ``scan``: the entropy-coded bytes.
    """
    if kind not in (0, 1) or len(tables) not in (64, 128) or not (0 < width <= 16384 and 0 < height <= 16384):
        raise corrupt("a JPEG picture of the camera is of a kind or size that is not known")
    luma, chroma = tables[:64], tables[-64:]
    parts = [b"\xff\xd8", _segment(0xDB, b"\0" + luma), _segment(0xDB, b"\1" + chroma)]
    if restart:
        parts.append(_segment(0xDD, struct.pack(">H", restart)))
    sampling = 0x21 if kind == 0 else 0x22
    components = bytes((1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1))
    parts.append(_segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components))
    for number, lengths, values in _HUFFMAN:
        parts.append(_segment(0xC4, bytes((number,)) + bytes.fromhex(lengths) + bytes.fromhex(values)))
    parts.append(_segment(0xDA, bytes((3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0))))
    parts.append(scan)
    if not scan.endswith(b"\xff\xd9"):
        parts.append(b"\xff\xd9")
    return b"".join(parts)


def size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels that the frame header says (T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xC2:
            height, width = struct.unpack_from(">HH", data, at + 5)
            if 0 < width <= 16384 and 0 < height <= 16384:
                return width, height
            break
        at += 2 + length
    raise corrupt("a JPEG picture of the camera has no size")


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
