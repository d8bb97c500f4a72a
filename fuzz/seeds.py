#!/usr/bin/env python3
"""Seeds for the fuzz targets.

    seeds.py CORPUS [DATA]        writes them into CORPUS/TARGET/
    seeds.py --keep CORPUS SEEDS  keeps some of a (minimised) corpus of ours: SEEDS/TARGET.txt, a seed a line in base64

The classes of malformed input that broke real stacks are spelled out below. Where DATA (recorded DNP3: pcap files
and procedures) is there, its streams are added, each also with the addresses that the targets use, so that they get
past the link layer.
"""

import base64
import hashlib
import json
import pathlib
import random
import struct
import sys

FILE_OCTETS_MAX = 4096
FILES_MAX = 1200
KEPT_OCTETS_MAX = 400
KEPT_MAX = 20_000
ALL = b"\xff\xff\xff\xff"


def crc(octets):
    value = 0
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
    return struct.pack("<H", ~value & 0xFFFF)


def frame(control, destination, source, user=b"", length=None):
    length = 5 + len(user) if length is None else length
    header = struct.pack("<BBBBHH", 5, 0x64, length, control, destination, source)
    blocks = (user[at : at + 16] for at in range(0, len(user), 16))
    return header + crc(header) + b"".join(block + crc(block) for block in blocks)


def fragment(from_master, octets, destination=None, first=0x40, last=0x80):
    control, to, source = (0xC4, 10, 1) if from_master else (0x44, 1, 10)
    parts = [octets[at : at + 249] for at in range(0, len(octets), 249)] or [b""]
    out = b""
    for at, part in enumerate(parts):
        bits = (first if at == 0 else 0) | (last if at == len(parts) - 1 else 0)
        out += frame(control, destination or to, source, bytes([bits | at & 0x3F]) + part)
    return out


CROB = bytes([12, 1, 0x17, 1, 1, 3, 1]) + bytes(9)
# What stands behind function code (and indications): a class of malformed input each, and what is in order.
OBJECTS = {
    "range-of-all": bytes([30, 1, 2, 0, 0, 0, 0]) + ALL,
    "range-of-all-packed": bytes([1, 1, 2, 0, 0, 0, 0]) + ALL + b"\x55",
    "last-index": bytes([30, 1, 2]) + ALL + ALL + bytes([1, 7, 0, 0, 0]),
    "no-size": bytes([60, 1, 2, 0, 0, 0, 0]) + ALL,
    "count-of-all": bytes([60, 2, 9]) + ALL,
    "indexed-of-all": bytes([30, 2, 0x39]) + ALL,
    "string-of-no-size": bytes([110, 0, 0x28, 0xFF, 0xFF]),
    "stop-before-start": bytes([30, 2, 0, 9, 3, 1, 0, 0]),
    "zero": bytes([30, 2, 7, 0]) * 100,
    "zero-indexed": bytes([2, 1, 0x17, 0]) * 200,
    "many-headers": bytes([20, 0, 6]) * 600,
    "crob": CROB,
    "crobs": bytes([12, 1, 0x28, 20, 0]) + b"".join(bytes([at, 0, 0x41, 1]) + bytes(9) for at in range(20)),
    "analog-outputs": bytes([41, 1, 0x17, 1, 1, 1, 2, 3, 4, 0, 41, 2, 0x17, 1, 1, 1, 2, 0])
    + bytes([41, 3, 0x17, 1, 1, 0, 0, 0x80, 0x3F, 0, 41, 4, 0x17, 1, 1, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0]),
    "not-a-number": bytes([41, 3, 0x17, 1, 1, 0, 0, 0xC0, 0x7F, 0]),
    "free-format": bytes([70, 3, 0x5B, 1, 26, 0]) + bytes(26),
    "file": bytes([70, 5, 0x5B, 1, 8, 0]) + bytes(8),
    "authentication": bytes([120, 1, 0x5B, 1, 10, 0]) + bytes(10),
    "authentication-short": bytes([120, 3, 7, 1, 1]),
    "indications": bytes([80, 1, 0, 7, 7, 0]),
    "indications-all": bytes([80, 1, 0, 0, 15, 0, 0]),
    "attributes": bytes([0, 254, 0, 0, 0]),
    "attribute": bytes([0, 252, 0, 0, 0, 1, 3]) + b"abc",
    "attribute-cut": bytes([0, 252, 0, 0, 0, 1, 200]) + b"abc",
    "attribute-list": bytes([0, 255, 0, 0, 0, 254, 4, 1, 0, 2, 1]),
    "time": bytes([50, 1, 7, 1, 1, 2, 3, 4, 5, 6]),
    "common-time": bytes([51, 1, 7, 1, 0x10, 0x27, 0, 0, 0, 0, 2, 3, 0x17, 1, 5, 0x81, 2, 1]),
    "common-time-last": bytes([51, 1, 7, 1]) + b"\xff" * 6 + bytes([2, 3, 0x17, 1, 5, 0x81, 0xFF, 0xFF]),
    "deadbands": bytes([34, 3, 0x17, 1, 1, 0, 0, 0x80, 0x7F, 34, 1, 0, 0, 1, 1, 0, 2, 0]),
    "strings": bytes([110, 3, 0, 0, 1]) + b"abcdef" + bytes([111, 2, 0x17, 1, 5]) + b"xy",
    "packed": bytes([1, 1, 0, 3, 12, 0x81, 2, 3, 1, 0, 0, 4, 0x1B, 1]),
    "floats": bytes([30, 5, 0, 0, 1, 1, 0, 0, 0x80, 0x7F, 1, 0, 0, 0xC0, 0xFF]),
    "integrity": bytes([60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6]),
    "events": bytes([2, 2, 0x28, 1, 0, 1, 0, 0x81, 1, 2, 3, 4, 5, 0, 32, 7, 0x28, 1, 0, 2, 0, 1]) + bytes(10),
    "assign": bytes([60, 2, 6, 1, 0, 6, 60, 3, 6, 30, 0, 0, 0, 5]),
    "delay": bytes([52, 2, 7, 1, 0, 0]),
}


def streams():
    """Whole streams: name, is it from a master, octets."""
    for name, objects in OBJECTS.items():
        for function in (1, 2, 3, 4, 5, 6, 7, 9, 20, 22, 25):
            yield f"{name}-{function}", True, fragment(True, bytes([0xC0 | function & 15, function]) + objects)
        for control, function in ((0xC0, 129), (0xE0, 129), (0xF0, 130)):
            response = bytes([control, function, 0, 0]) + objects
            yield f"{name}-{function}-{control}", False, fragment(False, response)
    for from_master in (True, False):
        side = "m" if from_master else "o"
        control, to, source = (0xC4, 10, 1) if from_master else (0x44, 1, 10)
        good = fragment(from_master, bytes([0xC0, 1, 60, 1, 6]))
        for length in range(5):
            yield f"length-{length}-{side}", from_master, frame(control, to, source, b"", length) + good
        yield f"truncated-{side}", from_master, fragment(from_master, bytes([0xC1, 1, 60]))
        yield f"header-crc-{side}", from_master, good[:8] + b"\0\0" + good[10:] + good
        yield f"body-crc-{side}", from_master, good[:-2] + b"\0\0" + good
        yield f"overstated-{side}", from_master, frame(control, to, source, b"\xc0\xc0\x01", 255) + good * 30
        yield f"orphan-{side}", from_master, fragment(from_master, bytes(20), first=0) + good
        endless = b"".join(frame(control, to, source, bytes([at & 0x3F | (0x40 if at == 0 else 0)]) + bytes(200)) for at in range(14))
        yield f"endless-{side}", from_master, endless + good
        yield f"no-segment-{side}", from_master, frame(control, to, source) + good
        links = b"".join(frame(control & 0x80 | low, to, source) for low in range(0x80))
        yield f"link-functions-{side}", from_master, links[: FILE_OCTETS_MAX - 50] + good
    for address in (0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF):
        for function in (2, 4, 5, 6, 10, 20, 24):
            yield f"broadcast-{address}-{function}", True, fragment(True, bytes([0xC0, function]) + CROB, address)
    yield "no-objects", False, fragment(False, bytes([0xC0, 129, 0x90, 0]))
    yield "empty", True, b""


def recorded(data):
    """Streams out of captures and procedures: name, is it from a master, octets."""
    for path in sorted(data.glob("pcap/*/*.pcap")):
        octets, at = path.read_bytes(), 24
        if octets[:4] != b"\xd4\xc3\xb2\xa1":
            continue
        while at + 16 <= len(octets):
            (length,) = struct.unpack_from("<I", octets, at + 8)
            packet = octets[at + 16 : at + 16 + length]
            at += 16 + length
            sync = packet.find(b"\x05\x64")
            if sync >= 0 and len(packet) > sync + 10:
                yield path.stem, bool(packet[sync + 3] & 0x80), packet[sync:]
    for path in sorted(data.glob("procedures/*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if "hex" in entry:
                yield path.stem, entry["from"] == "master", bytes.fromhex(entry["hex"])


def fragments_of(stream):
    """The user data of the frames of a stream, put together without any check."""
    found, current, at = [], b"", 0
    while at + 10 <= len(stream) and stream[at : at + 2] == b"\x05\x64" and stream[at + 2] >= 5:
        left, user, at = stream[at + 2] - 5, b"", at + 10
        while left > 0:
            user += stream[at : at + min(left, 16)]
            at += min(left, 16) + 2
            left -= 16
        if user:
            current = (b"" if user[0] & 0x40 else current) + user[1:]
            if user[0] & 0x80:
                found.append(current)
                current = b""
    return found


def keep(corpus, seeds):
    """Of what libFuzzer found for the targets that are given structure, not octets; none of it is recorded."""
    for path in sorted(corpus.iterdir()):
        found = sorted((file.read_bytes() for file in path.iterdir()), key=lambda octets: (len(octets), octets))
        found = [octets for octets in found if 0 < len(octets) <= KEPT_OCTETS_MAX]
        random.Random(1815).shuffle(found)
        lines, left = [], KEPT_MAX
        for octets in found:
            left -= len(octets)
            if left >= 0:
                lines.append(base64.b64encode(octets).decode())
        (seeds / f"{path.name}.txt").write_text("".join(f"{line}\n" for line in sorted(lines)))


def main():
    if sys.argv[1] == "--keep":
        return keep(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    corpus = pathlib.Path(sys.argv[1])
    written = {}

    def seed(target, octets):
        name = hashlib.sha1(octets).hexdigest()[:16]
        names = written.setdefault(target, set())
        if name not in names and len(names) < FILES_MAX:
            names.add(name)
            (corpus / target).mkdir(parents=True, exist_ok=True)
            (corpus / target / name).write_bytes(octets[:FILE_OCTETS_MAX])

    def stream(from_master, octets):
        seed("link_frames", bytes([7, from_master]) + octets)
        seed("decode", b"\xff" + octets)
        seed("outstation_octets" if from_master else "master_octets", b"\xff" + octets)
        seed("recorded_streams", b"\xff" + octets)
        seed("decode_stream", b"\x07" + octets)
        seed("crc", octets[:20])

    def objects(octets):
        for target in ("headers_naming", "headers_request", "headers_response", "measured", "commands"):
            seed(target, octets)
        seed("octet_strings", octets)
        seed("attributes", octets)
        seed("free_format", bytes([octets[0] if octets else 0]) + octets[2:])

    for path in sorted((pathlib.Path(__file__).parent / "seeds").glob("*.txt")):
        for line in path.read_text().split():
            seed(path.stem, base64.b64decode(line))
    for octets in OBJECTS.values():
        objects(octets)
    for _, from_master, octets in streams():
        stream(from_master, octets)
    data = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if data and data.is_dir():
        for _, from_master, octets in recorded(data):
            stream(from_master, octets)
            for whole in fragments_of(octets):
                if len(whole) > 2:
                    stream(from_master, fragment(from_master, whole))
                    objects(whole[2 if from_master else 4 :])
    print(json.dumps({target: len(names) for target, names in sorted(written.items())}))


main()
