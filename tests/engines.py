"""A real engine for tests: a prepared image with pytest and nothing else, archives, and programs run inside."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uv

from bot import wire
from bot.domain import Image, InstallStep, Recipe
from bot.progress import Silent
from bot.sandboxes import Backend, Contents, Sandbox
from bot.sandboxes.bubblewrap.backend import Bubblewrap
from bot.sandboxes.bubblewrap.launch import Identity
from bot.sandboxes.docker.backend import Docker

RECIPE = Recipe(None, None, None, {}, (InstallStep(("uv", "pip", "install", "pytest"), "pytest"),), "pytest alone")
ARGS = ("--rootdir=/repo", "-p", "no:cacheprovider")


def docker_backend(environ: Mapping[str, str] | None = None, spares: int | None = None) -> Docker:
    """The Docker backend as the command makes it; with `spares=0` no container is started ahead."""
    return Docker(os.environ if environ is None else environ, Path(uv.find_uv_bin()), spares)


def bubblewrap_backend(
    environ: Mapping[str, str] | None = None, spares: int | None = None, who: Identity | None = None
) -> Bubblewrap:
    """The backend without an engine, as the command makes it; `who` as an ordinary user may have it."""
    return Bubblewrap(os.environ if environ is None else environ, Path(uv.find_uv_bin()), spares, who)


def prepared(backend: Backend) -> Image:
    """The image of all these tests; made once, then in the engine's cache."""
    return backend.prepare(RECIPE, lambda: tar({}), Silent())


def tar(
    files: Mapping[str, str], links: Mapping[str, str] | None = None, modes: Mapping[str, int] | None = None
) -> bytes:
    """An archive of these symbolic links and files, in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            data = text.encode()
            entry.size, entry.mode = len(data), (modes or {}).get(name, 0o644)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def contents(
    files: Mapping[str, str], links: Mapping[str, str] | None = None, modes: Mapping[str, int] | None = None
) -> Contents:
    """These files as a sandbox is opened with them."""
    return Contents(tar(files, links, modes))


def program(text: str, seconds: float = 20) -> dict[str, Any]:
    """The job that runs a Python program as repository code."""
    return dict(wire.command_job(["/venv/bin/python", "-c", text], seconds))


def printed(box: Sandbox, text: str, seconds: float = 20) -> str:
    """What a Python program prints inside; it must end well."""
    reply = box.ask(program(text, seconds), seconds=seconds + 30)
    assert (reply.get("code"), reply.get("stop")) == (0, ""), reply
    return str(reply["output"]).strip()


def suite(*args: str, seconds: float = 30, select: Sequence[str] | None = None, **more: Any) -> wire.SuiteJob:
    """A run of the tests in the sandbox."""
    chosen = None if select is None else tuple(select)
    return wire.SuiteJob(args=(*ARGS, *args), seconds=seconds, select=chosen, **more)
