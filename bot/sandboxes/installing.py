"""Installing a repository's dependencies, wherever that is done: what goes in, and what comes out."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import IO, Any

from bot.domain import InstallStep, Recipe
from bot.errors import SandboxError
from bot.progress import Progress

REPO = "/repo"
VENV = "/venv"
HOME = "/opt/tryline"
GENERATED = f"{HOME}/generated"
SETUP = f"{HOME}/setup"
UV = f"{SETUP}/uv"
SCRATCH = f"{SETUP}/scratch"
CA = f"{SETUP}/ca.pem"

INSTALLER = 10001
"""User and group id of the installation: nobody's, and not one that candidates run under."""

OLDEST = 946684800
"""1 January 2000: the time of files that come without one."""
LOG_TAIL = 6000
LINE_LIMIT = 256 * 1024


@dataclass(frozen=True)
class InstallLimits:
    """What an installation may use."""

    seconds: float = 780.0
    """For the recipe's steps, all together."""
    closing_seconds: float = 120.0
    """For what comes after them: pytest where it is still missing, bytecode, tidying up."""
    memory_mb: int = 4096
    processes: int = 1024


@dataclass
class Course:
    """What the installation reported so far. Text from inside: bounded here, escaped where it is shown."""

    steps: tuple[InstallStep, ...]
    codes: dict[int, int | None] = field(default_factory=dict)
    tails: dict[int, str] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    log: str = ""
    done: Mapping[str, Any] | None = None

    def problem(self) -> str | None:
        """Why the image is incomplete, or None."""
        for number, step in enumerate(self.steps):
            if not step.required or number in self.skipped or self.codes.get(number) == 0:
                continue
            mates = [other for other, mate in enumerate(self.steps) if step.group and mate.group == step.group]
            if any(self.codes.get(other) == 0 for other in mates):
                continue
            code = self.codes.get(number)
            how = "ran out of time" if code is None else f"failed with exit code {code}"
            tail = self.tails.get(number, "")
            return f"install: {step.purpose}: {how}. {_headline(tail)}\n{tail[-1500:]}".strip()
        return None

    def python(self, limits: InstallLimits) -> tuple[int, int, int]:
        """The version of the interpreter inside. Raises SandboxError when the result can run nothing."""
        done = self.done or {}
        version = done.get("python")
        if not (isinstance(version, list) and len(version) == 3 and all(isinstance(n, int) for n in version)):
            raise SandboxError(
                "The installation did not come to an end: " + (self.log[-1500:].strip() or "no output"),
                hint="The base image needs Python 3.8 or newer on its PATH and glibc, and the installation "
                f"at most {limits.seconds:.0f} s and {limits.memory_mb} MiB.",
                slug="install",
            )
        if done.get("pytest") is not True:
            raise SandboxError(
                "pytest cannot be installed: " + (str(done.get("tail", "")) + self.log)[-1500:].strip(),
                hint="Containers need a package index: if yours is not pypi.org, set UV_INDEX_URL under "
                "install.env in .tryline.yml, or name an image that has pytest with sandbox.image.",
                slug="install-pytest",
            )
        return version[0], version[1], version[2]


def pack(
    target: IO[bytes],
    recipe: Recipe,
    tree: bytes,
    *,
    uv_binary: Path,
    authorities: bytes,
    system_site: bool,
    limits: InstallLimits,
) -> None:
    """Writes the archive that goes in: the tree, uv, the authorities (PEM), the program and its plan."""
    plan = {
        "steps": [
            {
                "argv": list(step.argv),
                "purpose": step.purpose,
                "required": step.required,
                "env": dict(step.env),
                "group": step.group,
            }
            for step in recipe.steps
        ],
        "env": environment(),
        "seconds": limits.seconds,
        "repo": REPO,
        "venv": VENV,
        "setup": SETUP,
        "generated": GENERATED,
        "uv": UV,
        "system_site": system_site,
    }
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in (REPO, VENV, HOME, GENERATED, SETUP, f"{SETUP}/home", SCRATCH):
            put_folder(archive, folder)
        put(archive, UV, uv_binary.read_bytes(), 0o755)
        put(archive, CA, authorities, 0o644)
        put(archive, f"{SETUP}/install.py", program(), 0o644)
        put(archive, f"{SETUP}/plan.json", json.dumps(plan).encode(), 0o600)
        folders = {REPO}
        for entry, stream in members(tree):
            name = PurePosixPath(REPO) / entry.name
            # A folder that is not named would be made by the engine, for root alone to write to.
            for folder in map(str, reversed(name.parents)):
                if folder.startswith(f"{REPO}/") and folder not in folders:
                    put_folder(archive, folder)
                    folders.add(folder)
            folders.add(str(name))
            entry.name = str(name).lstrip("/")
            archive.addfile(_owned(entry), stream)


def environment() -> dict[str, str]:
    """The whole environment of the installation's steps."""
    return {
        "HOME": f"{SETUP}/home",
        "TMPDIR": SCRATCH,
        "USER": "tryline",
        "LOGNAME": "tryline",
        "LANG": "C.UTF-8",
        "CI": "true",
        "VIRTUAL_ENV": VENV,
        "UV_PROJECT_ENVIRONMENT": VENV,
        "UV_CACHE_DIR": f"{SETUP}/cache",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_HTTP_TIMEOUT": "30",
        "NO_COLOR": "1",
        "SSL_CERT_FILE": CA,
        "PIP_CERT": CA,
        "REQUESTS_CA_BUNDLE": CA,
        "CURL_CA_BUNDLE": CA,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }


def program() -> bytes:
    """The program that installs, `bot/inside/install.py`."""
    return resources.files("bot").joinpath("inside", "install.py").read_bytes()


def members(tree: bytes) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Files, folders and links of a tar that stay inside it; anything else is left out."""
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                continue
            if entry.isfile():
                yield entry, archive.extractfile(entry)
            elif entry.isdir() or entry.issym():
                yield entry, None


def _owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = INSTALLER
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    # A wheel is a ZIP, and a ZIP knows no time before 1980: without this, flit and others refuse to build.
    entry.mtime = max(entry.mtime, OLDEST)
    return entry


def put(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    """Adds a file of the installer's to an archive."""
    entry = _owned(tarfile.TarInfo(name.lstrip("/")))
    entry.mode = mode
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def put_folder(archive: tarfile.TarFile, name: str) -> None:
    """Adds a folder of the installer's to an archive."""
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.mode = 0o755
    entry.type = tarfile.DIRTYPE
    archive.addfile(_owned(entry))


def lines(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of a stream that comes in blocks; what is longer than the limit is dropped."""
    rest = b""
    for block in stream:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        if len(rest) > LINE_LIMIT:
            rest = b""
    if rest:
        yield rest


def note(course: Course, line: bytes, progress: Progress) -> None:
    """Takes in one line from inside. What is not an event of ours goes to the log."""
    try:
        event = json.loads(line)
        kind, number = event["event"], event.get("step", -1)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        course.log = (course.log + line.decode(errors="replace") + "\n")[-2 * LOG_TAIL :]
        return
    if kind == "done":
        course.done = event
        return
    if not isinstance(number, int) or not 0 <= number < len(course.steps):
        return
    step = course.steps[number]
    if kind == "start":
        progress.tick(f"installing: {step.purpose}")
    elif kind == "skip":
        course.skipped.add(number)
    elif kind == "end":
        code = event.get("code")
        course.codes[number] = code if isinstance(code, int) else None
        tail = course.tails[number] = str(event.get("tail", ""))[-LOG_TAIL:].strip()
        course.log = (course.log + f"$ {' '.join(step.argv)[:300]}\n{tail}\n[exit code {code}]\n")[-2 * LOG_TAIL :]
        if code != 0:
            progress.note(f"Not installed ({step.purpose}): {tail.splitlines()[-1] if tail else 'no output'}")


def _headline(tail: str) -> str:
    """The line of an installer's output that says what went wrong, and what to do where that is known."""
    errors = [line.strip() for line in tail.splitlines() if re.search(r"\berror\b", line, re.IGNORECASE)]
    line = errors[-1][:300] if errors else ""
    if re.search(r"'(gcc|g\+\+|cc|clang|cargo|rustc|cmake|meson)'|command '\S*(gcc|cc)\S*' failed: No such", tail):
        line += (
            " The base image has no compiler: name one that has with sandbox.image (`python:3.12`, not `-slim`)."
        )
    return line.strip()
