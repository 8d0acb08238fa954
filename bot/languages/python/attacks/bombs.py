"""CWE-409: small data that unpacks to all the memory there is.

The test packs 64 MB of nothing into some kilobytes and measures what the call holds at its highest: whoever stops
at a limit stays far below, however he reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints
from bot.languages.python.attacks.subject import Subject

UNPACKERS = {
    "zlib": ("zlib.decompress", "zlib.decompressobj"),
    "gzip": ("gzip.decompress", "gzip.open", "gzip.GzipFile", "zlib.decompress", "zlib.decompressobj"),
    "bz2": ("bz2.decompress", "bz2.open", "bz2.BZ2File", "bz2.BZ2Decompressor"),
    "lzma": ("lzma.decompress", "lzma.open", "lzma.LZMAFile", "lzma.LZMADecompressor"),
}
SENSORS = '''\
SIZE, PACKED = 64 << 20, {}


def bomb(payload, opened=False):
    """The packed data; from now on memory is counted."""
    data = PACKED[payload]
    tracemalloc.stop()
    tracemalloc.start()
    return io.BytesIO(data) if opened else data


def watch(tmp_path, monkeypatch):
    for name in PAYLOADS:
        PACKED[name] = {"zlib": zlib, "gzip": gzip, "bz2": bz2, "lzma": lzma}[name].compress(bytes(SIZE))


def landed(payload, result, tmp_path):
    peak = tracemalloc.get_traced_memory()[1] if tracemalloc.is_tracing() else 0
    tracemalloc.stop()
    told = "%d bytes that become %d in memory" % (len(PACKED[payload]), SIZE)
    return (told, []) if peak > 0.9 * SIZE else None
'''


def bombs(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that unpack data without a limit."""
    found = [(kind, subject.site(*names)) for kind, names in UNPACKERS.items()]
    sites = [site for _, site in found if site is not None]
    kinds = [kind for kind, site in found if site is not None]
    if not kinds:
        return
    for target in subject.targets:
        if target.kind == "path" or target.made or target.outer or "payload" not in target.value:
            continue
        plain = target.value in ("payload", "payload.encode()")
        for value in ("bomb(payload)", "bomb(payload, opened=True)")[: 2 if plain else 1]:
            if plain and (value == "bomb(payload)") == streamed(subject, target.parameter):
                continue
            yield frame.attack_of(
                subject,
                replace(
                    target, value=target.value.replace("payload.encode()", "payload").replace("payload", value)
                ),
                frame.Proof(
                    question=f"unpack its argument `{target.label}` without a limit",
                    test="stops_at_a_limit",
                    payloads=[repr(kind) for kind in kinds],
                    sensors=SENSORS,
                    imports=(
                        "import bz2",
                        "import gzip",
                        "import io",
                        "import lzma",
                        "import tracemalloc",
                        "import zlib",
                    ),
                    dressed=False,
                ),
                rule="decompression-bomb",
                cwe=409,
                title=f"`{subject.name}` unpacks its argument `{target.label}` without a limit",
                severity="medium",
                why="Some kilobytes from outside fill the memory of this process.",
                line=sites[0].line,
                limits="that the data can come from a stranger is not shown",
                compared=not hints.from_a_request(subject, target),
            )


def streamed(subject: Subject, name: str) -> bool:
    """Whether the function reads a parameter as a stream, or hands it to something that does."""
    from_file = subject.site("gzip.GzipFile", "gzip.open", "bz2.open", "bz2.BZ2File", "lzma.open", "lzma.LZMAFile")
    wrapped = "BytesIO" in subject.text
    return (from_file is not None and not wrapped) or f"{name}.read" in subject.function.source
