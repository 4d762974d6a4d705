# SPDX-License-Identifier: Apache-2.0
"""A second decoder, written from docs/format.md and the C2SP pages that it names; what is wrong raises an exception."""

import base64
import hashlib
import hmac
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from struct import pack
from typing import Any

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

Object = dict[str, Any]


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value: object) -> bytes:  # 1; names of members are ASCII throughout
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def parse(data: bytes) -> Any:
    assert canonical(value := json.loads(data, parse_float=int)) == data  # noqa: RUF018
    return value


def unbase(text: str) -> bytes:
    assert base64.b64encode(data := base64.b64decode(text)).decode() == text  # noqa: RUF018
    return data


def nanoseconds(text: str) -> int:
    return int(datetime.fromisoformat(f"{text[:19]}Z").timestamp()) * 10**9 + int(text[20:29])


class Decoder:
    def __init__(self, policy: bytes) -> None:
        self.policy = parse(policy)
        self.offices = [one["identity"] for group in self.policy["custodians"] for one in group["members"]]
        self.requesters = [one["identity"] for one in self.policy["requesters"]]

    def signed(self, document: Object, kind: str, keys: list[Object]) -> Object:  # 3
        said = f"custodes/signed/v1\0custodes/{kind}\0{document['key']}\0".encode() + canonical(document["body"])
        key = {sha(canonical(key)).hex()[:32]: key for key in keys}[document["key"]]
        for name, algorithm in {"ed25519": Ed25519PublicKey, "ml-dsa-44": MLDSA44PublicKey}.items():
            algorithm.from_public_bytes(unbase(key[name])).verify(unbase(document["signatures"][name]), said)
        assert (" ".join(document), document["kind"]) == ("body key kind signatures", f"custodes/{kind}")
        assert (" ".join(document["signatures"]), document["body"]["v"]) == ("ed25519 ml-dsa-44", 1)
        return document["body"]

    def manifests(self, opening: Object, closing: Object) -> tuple[Object, Object]:  # 6.3, 6.5
        begun = self.signed(opening, "opening-manifest", self.policy["recorders"])
        ended = self.signed(closing, "closing-manifest", self.policy["recorders"])
        same = {name: begun["header"][name] for name in ("deployment", "camera", "period", "term")}
        same |= {"opening": sha(canonical(opening)).hex(), "header": sha(canonical(begun["header"])).hex()}
        assert same.items() <= ended.items()
        ends = list(accumulate((part["length"] for part in ended["fragments"]), initial=52))
        assert [*(part["offset"] for part in ended["fragments"]), ended["length"] or 52] == ends
        return begun, ended

    def segment(self, segment: bytes, opening: Object, closing: Object, key: bytes) -> Iterator[bytes]:  # 6.2, 6.4
        begun, ended = self.manifests(opening, closing)
        digest = sha(canonical(begun["header"]))
        assert sha(b"custodes/key/v1\0", digest, key).hex() == begun["key"]
        uses = (b"custodes/encryption/v1\0" + digest, b"custodes/commitment/v1\0" + digest)
        encryption, blinding = (HKDFExpand(SHA256(), 32, use).derive(key) for use in uses)
        assert segment[:52] == b"custodes-segment" + (1).to_bytes(4, "big") + digest
        assert len(segment) == ended["length"] or ended["reason"] == "recovered"
        for number, part in enumerate(ended["fragments"]):
            record = segment[part["offset"] : part["offset"] + part["length"]]
            numbers = (number, part["length"] - 120, nanoseconds(part["start"]), part["ticks"], part["units"])
            assert record[:88] == pack(">IIQII", *numbers) + bytes.fromhex(part["head"] + part["nals"])
            assert record[88:120] == sha(record[:88], record[120:]) == bytes.fromhex(part["digest"])
            decryptor = Cobblestone256Decryptor(encryption, digest + number.to_bytes(4, "big"))
            plain = decryptor.update(record[120:]) + decryptor.finalize()
            self.part(part, number, plain, blinding)
            yield plain

    def part(self, part: Object, number: int, plain: bytes, blinding: bytes) -> None:  # 6.4
        split = int.from_bytes(plain[:4], "big") + 8 if number else len(plain)
        assert not number or plain[split - 8 : split] == pack(">I4s", len(plain) - split + 8, b"mdat")
        for which, name, piece in ((b"\0", "head", plain[:split]), (b"\1", "nals", plain[split:])):
            assert hmac.digest(blinding, which + sha(piece), "sha256").hex() == part[name], f"fragment {number}: {name}"

    def root(self, node: bytes, index: int, size: int, path: list[bytes]) -> bytes:  # RFC 6962, 2.1.1
        if size == 1:
            return node if (index, path) == (0, []) else b""
        half = 1 << (size - 1).bit_length() - 1
        if index < half:
            return sha(b"\1", self.root(node, index, half, path[:-1]), path[-1])
        return sha(b"\1", path[-1], self.root(node, index - half, size - half, path[:-1]))

    def checkpoint(self, note: str) -> tuple[int, bytes, Any]:  # C2SP signed-note, tlog-checkpoint, tlog-cosignature
        text, lines = note.split("\n\n")
        origin, size, root = text.split("\n")
        made, met = [line.split(" ") for line in lines.splitlines()], {}
        tree = bytes([len(origin)]) + origin.encode() + pack(">QQ", 0, int(size)) + unbase(root)
        for kind, name, *words in map(str.split, self.policy["log"].splitlines()):  # C2SP tlog-policy
            if kind == "group":
                late, early = zip(*(met[member] for member in words[1:]), strict=True)
                met[name] = sorted(late)[-int(words[0])], sorted(early)[int(words[0]) - 1]
            elif kind in ("log", "witness"):
                signer, _, encoded = (words[0] if kind == "witness" else name).split("+", 2)
                key, who = unbase(encoded), name if kind == "witness" else "log"
                tag, met[who] = sha(signer.encode(), b"\n", key)[:4], met.get(who, (0, 2**63))
                for blob in (unbase(line[2]) for line in made if line[1] == signer and unbase(line[2])[:4] == tag):
                    time = int.from_bytes(blob[4:12], "big")
                    says = {1: f"{text}\n".encode(), 4: f"cosignature/v1\ntime {time}\n{text}\n".encode()}
                    says[6] = pack(">12sB", b"subtree/v1\n", len(signer)) + signer.encode() + blob[4:12] + tree
                    algorithm = MLDSA44PublicKey if key[0] == 6 else Ed25519PublicKey
                    algorithm.from_public_bytes(key[1:]).verify(blob[4 if key[0] == 1 else 12 :], says[key[0]])
                    met[who] = (time, time or 2**63) if kind == "witness" else (signer == origin, 0)
        assert all((met["log"][0], met[name][0]))
        return int(size), unbase(root), met[name]

    def entry(self, folder: str) -> tuple[Object, Any]:  # 7, C2SP tlog-proof
        data, proof = (self.files[f"{folder}/{name}"] for name in ("entry.json", "receipt.tlog-proof"))
        head, note = proof.decode().split("\n\n", 1)
        first, index, *path = head.split("\n")
        assert (first, index[:6]) == ("c2sp.org/tlog-proof@v1", "index ")
        size, root, time = self.checkpoint(note)
        assert self.root(sha(b"\0", data), int(index[6:]), size, list(map(unbase, path))) == root
        return parse(data), time

    def filed(self, folder: str, kind: str, keys: list[Object], **facts: object) -> tuple[Object, Any]:  # 8
        document = parse(self.files[f"{folder}/{kind}.json"])
        body, facts[kind] = self.signed(document, f"disclosure-{kind}", keys), sha(canonical(document)).hex()
        facts |= {"custodian": document["key"]} if kind != "request" else {}
        facts |= {"minutes": len(body["periods"])} if kind == "grant" else {}
        entry, time = self.entry(folder)
        acts = {"request": "disclosure.requested", "grant": "disclosure.granted", "refusal": "disclosure.refused"}
        assert entry == {"v": 1, "act": acts[kind], "time": entry["time"], **facts}
        assert kind == "request" or body["request"] == facts["request"]
        return body, document["key"] if kind == "grant" else time

    def spelled(self) -> bytes:  # 9
        body = directory = b""
        for name, data in sorted(self.files.items()):
            assert re.fullmatch(r"(?!.*\.\.)[a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99}){0,3}", name)
            fields = pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
            directory += b"PK\1\2\x14\0" + fields + pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
            body += b"PK\3\4" + fields + name.encode() + data
        ends = pack("<HHHHIIH", 0, 0, len(self.files), len(self.files), len(directory), len(body), 0)
        return body + directory + b"PK\5\6" + ends

    def bundle(self, path: Path) -> list[str]:  # 8, 9
        with zipfile.ZipFile(path) as archive:
            files = self.files = {name: archive.read(name) for name in archive.namelist()}
        assert self.spelled() == path.read_bytes()
        index = self.signed(parse(files.pop("bundle.json")), "evidence-bundle", self.requesters)
        assert index["files"] == [{"name": n, "size": len(d), "sha256": sha(d).hex()} for n, d in sorted(files.items())]
        asked, (late, early) = self.filed("request", "request", self.requesters)
        assert nanoseconds(asked["end"]) <= late * 10**9
        assert nanoseconds(asked["expires"]) > early * 10**9
        assert index["request"] == sha(files["request/request.json"]).hex()
        assert index["deployment"] == asked["deployment"] == self.policy["deployment"]
        if case := index["case"]:
            salted = b"custodes/case/v1\0" + bytes.fromhex(case["salt"]) + case["reference"].encode()
            assert sha(salted).hex() == asked["case"]
        granted: set[object] = set()
        for folder in sorted({name.rpartition("/")[0] for name in files if name[:6] in ("grants", "refusa")}):
            kind = "grant" if folder[0] == "g" else "refusal"
            body, key = self.filed(folder, kind, self.offices, request=index["request"])
            granted |= {(item["header"], item["index"], key) for item in body.get("periods", [])}
        for clip in index["clips"]:
            self.clip(asked, granted, f"periods/{clip['period']}", files[clip["file"]], clip["commitment_key"])
        return [clip["file"] for clip in index["clips"]]

    def clip(self, asked: Object, granted: set[object], folder: str, native: bytes, blinding: str) -> None:
        opening, closing, proof = (parse(self.files[f"{folder}/{it}.json"]) for it in ("opening", "closing", "proof"))
        begun, ended = self.manifests(opening, closing)
        header, digest = begun["header"], sha(canonical(begun["header"])).hex()
        assert header["camera"] in asked["cameras"]
        assert (header["started"] < asked["end"], ended["ended"] > asked["start"]) == (True, True)
        leaf, path = sha(b"\0", sha(canonical(closing))), [bytes.fromhex(node) for node in proof["path"]]
        root, (entry, _) = self.root(leaf, proof["index"], proof["count"], path).hex(), self.entry(folder)
        facts = {"v": 1, "act": "periods.committed", "root": root, "count": proof["count"]}
        assert entry == {**facts, "time": entry["time"]}
        group = {sha(canonical(one)).hex(): one for one in self.policy["custodians"]}[header["custodians"]["set"]]
        ids = {(digest, one["index"], sha(canonical(one["identity"])).hex()[:32]) for one in group["members"]}
        assert len(ids & granted) >= group["k"]
        for number, part in enumerate(ended["fragments"]):
            size = part["length"] - 192 - 16 * ((part["length"] - 192) // 16400)
            self.part(part, number, native[:size], bytes.fromhex(blinding))
            native = native[size:]
        assert native == b""
