"""What a sandbox without an engine stands on: file systems around an interpreter, and dependencies installed once.

roots/MARK/                 a minimal file system around one interpreter of this machine
deps/KEY/{venv,home}        a repository's dependencies, at /venv and /opt/tryline inside
deps/KEY/about.json         what is known of them; its lock is held shared while a sandbox uses them
making/                     what is being made; its lock is held by who makes it, free when that one died
locks/                      one lock for each thing that is made, so that two runs make it once
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import sys
import tarfile
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bot.domain import Image, Limits, Recipe
from bot.errors import SandboxError
from bot.progress import Progress
from bot.sandboxes import installing
from bot.sandboxes.bubblewrap import cgroups
from bot.sandboxes.bubblewrap.launch import Enclosed, Launcher, Walls
from bot.sandboxes.docker import rootfs
from bot.sandboxes.installing import INSTALLER, Course, InstallLimits
from bot.sandboxes.stream import INSIDE

FORMAT = 1
"""Raise it when what is prepared changes: all is then made anew."""
SYSTEM_CACHE = Path("/var/cache/tryline")
PROBLEM_MEMORY = 3600
"""For so long an incomplete installation is used: what was missing may have been the network."""
MAX_ROOTS = 6
ABOUT = "about.json"

# The archive is unpacked behind the walls: what it holds is a stranger's, and so is where its links lead.
UNPACK = (
    "import os,sys,tarfile;t=tarfile.open(fileobj=sys.stdin.buffer,mode='r|');"
    "t.extraction_filter=getattr(tarfile,'fully_trusted_filter',None);t.extractall('/');"
    f"os.execv(sys.executable,[sys.executable,'{installing.SETUP}/install.py','{installing.SETUP}/plan.json'])"
)


@dataclass(frozen=True)
class Prepared:
    """Folders of this machine that a sandbox is made of."""

    root: Path
    venv: Path
    home: Path

    def arguments(self) -> tuple[str, ...]:
        """bubblewrap's arguments for them."""
        shown = ((self.root, "/"), (self.venv, installing.VENV), (self.home, installing.HOME))
        return tuple(word for source, target in shown for word in ("--ro-bind", str(source), target))


def bare(shm_mb: int = 16) -> tuple[str, ...]:
    """bubblewrap's arguments for /proc and /dev, over a root."""
    memory = ("--size", str(shm_mb << 20), "--perms", "1777", "--tmpfs", "/dev/shm")  # noqa: S108 - inside
    return ("--proc", "/proc", "--dev", "/dev", *memory, "--remount-ro", "/dev")


def place(environ: Mapping[str, str]) -> Path:
    """The folder of the cache. Root's own is used only where an ordinary user can reach what is in it."""
    home = Path(environ.get("HOME") or "/")
    own = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "tryline"
    if os.geteuid() != 0:
        return own / "bubblewrap"
    # bubblewrap runs as nobody's user then, and must get there.
    above = [folder for folder in (own, *own.parents) if folder.exists()]
    reachable = all(folder.stat().st_mode & stat.S_IXOTH for folder in above)
    return (own if reachable else SYSTEM_CACHE) / "bubblewrap"


class Roots:
    """Prepares what sandboxes stand on, and keeps the most recently used of it. Safe for threads."""

    def __init__(
        self,
        folder: Path,
        launcher: Launcher,
        groups: cgroups.Place | None,
        *,
        uv_binary: Path,
        environ: Mapping[str, str],
        cache_limit: int = 20,
        limits: InstallLimits | None = None,
    ) -> None:
        """`environ` tells where interpreters stand and whom to trust (SSL_CERT_FILE), and is never passed on."""
        self._folder = folder
        self._launcher = launcher
        self._groups = groups
        self._uv = uv_binary
        self._environ = environ
        self._cache_limit = cache_limit
        self._limits = limits or InstallLimits()

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        """What a recipe installs, from the cache where its key is known; see Backend.prepare."""
        began = time.monotonic()
        named = "sandbox.image" if recipe.image else "dockerfile" if recipe.dockerfile else ""
        if named:
            raise SandboxError(
                f"There are no images without an engine, and the configuration names one ({named}).",
                hint="Leave it out, or use an engine: `sandbox.backend: docker`.",
                slug="bubblewrap-image",
            )
        self._made()
        choice = rootfs.choose(
            rootfs.interpreters(self._environ, home=Path(self._environ.get("HOME") or "/")), recipe.python
        )
        mark = self._root(choice, progress)
        parts = (str(FORMAT), hashlib.sha256(installing.program()).hexdigest(), recipe.key(), mark)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
        with self._locked(f"deps-{key}"):
            about = self._about(key)
            cached = about is not None
            if about is None:
                origin = f"made from the local interpreter {choice.interpreter.dotted}"
                origin += f" ({choice.note})" if choice.note else ""
                progress.note(f"Installing: {recipe.summary} ({origin}, without an engine)")
                about = self._install(recipe, choice, {"root": mark, "origin": origin}, key, tree(), progress)
            os.utime(self._folder / "deps" / key / ABOUT)
        self._evict(keep=key)
        return _image(key, about, cached=cached, seconds=time.monotonic() - began)

    @contextlib.contextmanager
    def used(self, image: Image) -> Iterator[Prepared]:
        """The folders of what was prepared; they stay as long as the context. Raises SandboxError."""
        folder = self._folder / "deps" / image.reference
        gone = SandboxError(
            f"what was prepared as {image.reference[:24]} is gone",
            hint="run the review again: it is made anew",
            slug="image-gone",
        )
        try:
            stream = (folder / ABOUT).open()
        except OSError as problem:
            raise gone from problem
        with stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            root = self._folder / "roots" / str(json.load(stream)["root"])
            if not folder.is_dir() or not root.is_dir():
                raise gone
            with contextlib.suppress(OSError):  # who may only read it leaves no trace of its use
                os.utime(folder / ABOUT)
                os.utime(root)
            yield Prepared(root, folder / "venv", folder / "home")

    # ------------------------------------------------------------------------------------------ the root

    def _root(self, choice: rootfs.Choice, progress: Progress) -> str:
        """Makes the file system around an interpreter, where there is none yet; returns its mark."""
        mark = f"{rootfs.fingerprint(choice.interpreter)}-{FORMAT}"
        folder = self._folder / "roots" / mark
        with self._locked(f"root-{mark}"):
            if not folder.is_dir():
                progress.note(
                    f"Making a file system from {choice.interpreter.executable} ({choice.interpreter.dotted})"
                )
                with self._stage() as stage, tempfile.TemporaryFile(dir=stage) as archive:
                    rootfs.write(choice.interpreter, archive, companions=[self._uv])
                    archive.seek(0)
                    made = stage / "root"
                    _unpack_own(archive, made)
                    for name in (installing.REPO, installing.VENV, installing.HOME, INSIDE):
                        (made / name.lstrip("/")).mkdir(parents=True, exist_ok=True)
                    made.rename(folder)
            os.utime(folder)
        return mark

    # ---------------------------------------------------------------------------------------- installation

    def _install(
        self,
        recipe: Recipe,
        choice: rootfs.Choice,
        known: Mapping[str, str],
        key: str,
        tree: bytes,
        progress: Progress,
    ) -> dict[str, Any]:
        """Runs the recipe behind walls, and puts what came of it in the cache; returns what is known of it."""
        with self._stage() as stage, tempfile.TemporaryFile(dir=stage) as archive:
            installing.pack(
                archive,
                recipe,
                tree,
                uv_binary=self._uv,
                authorities=rootfs.ca_bundle(self._environ),
                system_site=False,
                limits=self._limits,
            )
            archive.seek(0)
            course = self._follow(recipe, choice, self._folder / "roots" / known["root"], stage, archive, progress)
            version = course.python(self._limits)
            _disown(stage / "venv", stage / "home")
            made = stage / "made"
            made.mkdir(mode=0o755)
            for name in ("venv", "home"):
                (stage / name).rename(made / name)
            about: dict[str, Any] = {
                **known,
                "python": list(version),
                "log": course.log[-installing.LOG_TAIL :],
                "problem": course.problem() or "",
                "created": int(time.time()),
            }
            (made / ABOUT).write_text(json.dumps(about), encoding="utf-8")
            target = self._folder / "deps" / key
            _remove_unused(target)
            with contextlib.suppress(OSError):  # where a sandbox still uses the incomplete one, that one stays
                made.rename(target)
        return about

    def _follow(
        self,
        recipe: Recipe,
        choice: rootfs.Choice,
        root: Path,
        stage: Path,
        archive: IO[bytes],
        progress: Progress,
    ) -> Course:
        """Starts the installation and reads what it reports until it ends or its time is over."""
        writable = (("venv", installing.VENV), ("home", installing.HOME), ("repo", installing.REPO))
        arguments = ["--ro-bind", str(root), "/", *bare()]
        for name, target in writable:
            (stage / name).mkdir(mode=0o755)
            arguments += ["--bind", str(stage / name), target]
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            arguments += ["--ro-bind-try", name, name]
        arguments += ["--size", str(256 << 20), "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108 - inside
        walls = Walls(tuple(arguments), network=True, only_id=INSTALLER)
        command = (str(choice.interpreter.executable), "-I", "-S", "-c", UNPACK)
        allowed = Limits(memory_mb=self._limits.memory_mb, processes=self._limits.processes, cpus=1024)
        group = None if self._groups is None else cgroups.Group(self._groups, allowed)

        def owned(owner: int) -> None:
            for name, _ in writable:
                os.chown(stage / name, owner, owner)

        course = Course(recipe.steps)
        enclosed = self._launcher.start(walls, command, group, before=owned if os.geteuid() == 0 else None)
        timer = threading.Timer(self._limits.seconds + self._limits.closing_seconds, enclosed.kill)
        timer.daemon = True
        timer.start()
        try:
            feeder = threading.Thread(target=_feed, args=(enclosed, archive), daemon=True, name="tryline-archive")
            feeder.start()
            for line in installing.lines(_said(enclosed)):
                installing.note(course, line, progress)
            feeder.join()
        finally:
            timer.cancel()
            enclosed.kill()
        return course

    # ------------------------------------------------------------------------------------------- the cache

    def _made(self) -> None:
        """Makes the folders. Raises SandboxError where that is not possible, or they are another's."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o755)
            for name in ("roots", "deps", "making", "locks"):
                # Nobody else needs a list of what is here; those who know a name may pass.
                (self._folder / name).mkdir(exist_ok=True, mode=0o711)
            owner = self._folder.stat().st_uid
        except OSError as problem:
            raise SandboxError(
                f"The cache for sandboxes cannot be written: {problem}",
                hint="Set XDG_CACHE_HOME to a folder that can be written.",
                slug="bubblewrap-cache",
            ) from problem
        if owner != os.geteuid():
            raise SandboxError(
                f"The cache for sandboxes {self._folder} belongs to another user.",
                hint="Set XDG_CACHE_HOME to a folder of your own.",
                slug="bubblewrap-cache",
            )

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Alone on this machine with one thing; waits for whoever makes it now."""
        with (self._folder / "locks" / name).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _stage(self) -> Iterator[Path]:
        """A folder for something that is being made, on the file system of the cache."""
        folder = self._folder / "making" / uuid.uuid4().hex
        folder.mkdir(mode=0o711)
        try:
            with (folder / "lock").open("w") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                yield folder
        finally:
            _remove(folder)

    def _about(self, key: str) -> dict[str, Any] | None:
        """What is known of prepared dependencies; None when there are none, or it is time to try again."""
        try:
            about = json.loads((self._folder / "deps" / key / ABOUT).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if about.get("problem") and time.time() - float(about.get("created", 0)) > PROBLEM_MEMORY:
            return None
        return dict(about) if (self._folder / "roots" / str(about.get("root"))).is_dir() else None

    def _evict(self, *, keep: str) -> None:
        """Removes the least recently used beyond the limit, never what a sandbox uses."""
        with self._locked("evict"):
            kept = sorted((self._folder / "deps").iterdir(), key=_last_used)
            for folder in kept[: max(0, len(kept) - self._cache_limit)]:
                if folder.name != keep:
                    _remove_unused(folder)
            needed = {_root_of(folder) for folder in (self._folder / "deps").iterdir()}
            roots = sorted((self._folder / "roots").iterdir(), key=lambda each: each.stat().st_mtime)
            for folder in roots[: max(0, len(roots) - MAX_ROOTS)]:
                if folder.name not in needed:
                    _remove(folder)

    def clean(self) -> int:
        """Removes what runs that are dead were making; returns how many things."""
        removed = 0
        for folder in sorted((self._folder / "making").glob("*")):
            try:
                with (folder / "lock").open("w") as stream:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(folder)
                    removed += 1
            except OSError:
                continue  # it is being made, or has just gone
        return removed

    def count(self) -> tuple[int, int]:
        """How many dependencies and roots are in the cache."""
        deps, roots = (len(list((self._folder / name).glob("*"))) for name in ("deps", "roots"))
        return deps, roots


# ------------------------------------------------------------------------------------------------- helpers


def _unpack_own(archive: IO[bytes], target: Path) -> None:
    """Unpacks an archive that we have just written ourselves."""
    target.mkdir(mode=0o755)
    with tarfile.open(fileobj=archive) as opened:
        if sys.version_info >= (3, 12):
            opened.extractall(target, filter="fully_trusted")  # noqa: S202 - ours
        else:
            opened.extractall(target)  # noqa: S202 - ours


def _feed(enclosed: Enclosed, archive: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        while block := archive.read(1 << 20):
            enclosed.write(block)
    enclosed.end()


def _said(enclosed: Enclosed) -> Iterator[bytes]:
    with contextlib.suppress(OSError, EOFError):
        while True:
            yield enclosed.read()[1]


def _disown(*folders: Path) -> None:
    """Takes what an installation made away from the user that it ran as, and rights that nobody needs."""
    for top in folders:
        for folder, folders_below, names in os.walk(top):
            for path in [folder, *(os.path.join(folder, name) for name in [*names, *folders_below])]:  # noqa: PTH118
                mode = os.lstat(path).st_mode
                if os.geteuid() == 0:
                    os.lchown(path, 0, 0)
                if not stat.S_ISLNK(mode) and mode & 0o7022:
                    os.chmod(path, stat.S_IMODE(mode) & ~0o7022)  # noqa: PTH101


def _remove(folder: Path) -> None:
    """Removes a folder with all in it, also what its maker closed to himself."""
    for inner, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            if not os.access(inner, os.W_OK | os.X_OK):
                os.chmod(inner, 0o700)  # noqa: PTH101
    shutil.rmtree(folder, ignore_errors=True)


def _remove_unused(folder: Path) -> None:
    try:
        with (folder / ABOUT).open() as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)
    except OSError:
        return  # a sandbox uses it


def _last_used(folder: Path) -> float:
    try:
        return (folder / ABOUT).stat().st_mtime
    except OSError:
        return 0.0


def _root_of(folder: Path) -> str:
    try:
        return str(json.loads((folder / ABOUT).read_text("utf-8"))["root"])
    except (OSError, ValueError, KeyError):
        return ""


def _image(key: str, about: Mapping[str, Any], *, cached: bool, seconds: float) -> Image:
    numbers = [int(part) for part in about["python"]]
    return Image(
        reference=key,
        python=(numbers[0], numbers[1], numbers[2]),
        origin=str(about.get("origin", "")),
        cached=cached,
        seconds=seconds,
        log=str(about.get("log", "")),
        problem=str(about.get("problem", "")) or None,
    )
