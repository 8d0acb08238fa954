"""A minimal root file system around a CPython of this machine, as a tar: the base image where no registry answers.

Paths inside are the paths of the host, so a shared library, a symbolic link or a prefix that was compiled into
the interpreter is found where it is expected. What the image does not need stays out: site-packages of the
host, the test suite of CPython, static libraries, editors and compilers.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.errors import SandboxError

FORMAT = 2
"""Raise it when the content of the file system changes: cached bases are then made anew."""

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""Where the certificate authorities stand inside, whatever the host calls them."""

_CA_BUNDLES = (
    CA_BUNDLE,
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

_TOOLS = """
    sh dash bash env basename cat chmod chown cp cut date dd df dirname du echo expr false head hostname id install
    join link ln ls mkdir mkfifo mktemp mv nice nl nproc od paste printenv printf pwd readlink realpath rm rmdir
    seq sha1sum sha256sum md5sum shuf sleep sort split stat stty sum sync tail tee test [ timeout touch tr true
    truncate tsort tty uname uniq unlink wc whoami yes kill ps which
    sed grep egrep fgrep awk mawk gawk find xargs diff cmp patch tar gzip gunzip zcat bzip2 xz unzip make less more
    git ldconfig getent locale
"""

_UNNAMED = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1", "libstdc++.so.6")
"""Opened by name at run time, or wanted by wheels that will come later."""

_TREES = (
    "/usr/lib/locale/C.utf8",
    "/usr/lib/locale/C.UTF-8",
    "/usr/share/git-core/templates",
    "/etc/ssl/openssl.cnf",
    "/usr/lib/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf",
    "/etc/mime.types",
    "/etc/services",
    "/etc/protocols",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/usr/share/terminfo/x",
    "/lib/terminfo/x",
    "/usr/share/terminfo/d/dumb",
    "/lib/terminfo/d/dumb",
    "/lib/terminfo/l/linux",
)

_LEFT_OUT = frozenset({"site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo", "_bundled"})
"""Folders of the standard library that no suite of another project needs. `_bundled` are ensurepip's wheels."""

_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/false\n"  # noqa: S105
_GROUP = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"
_NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n"
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"

_ASK = """
import json, sys, sysconfig
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "prefix": sys.base_prefix,
    "stdlib": sysconfig.get_path("stdlib"),
    "dynload": sysconfig.get_config_var("DESTSHARED"),
    "header": sysconfig.get_config_h_filename(),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """One CPython installed on this machine."""

    executable: Path
    """The binary itself, links resolved."""
    version: tuple[int, int, int]
    prefix: Path
    stdlib: Path
    dynload: Path
    """Folder of the extension modules."""
    header: Path
    """`pyconfig.h`, which build tools read even when they compile nothing."""

    @property
    def dotted(self) -> str:
        """Version as `3.11.7`."""
        return ".".join(map(str, self.version))

    @property
    def minor(self) -> str:
        """Version as `3.11`."""
        return f"{self.version[0]}.{self.version[1]}"


@dataclass(frozen=True)
class Choice:
    """The interpreter that a base is made of."""

    interpreter: Interpreter
    note: str = ""
    """Why it is not the one that was asked for; empty when it is."""


@dataclass(frozen=True)
class Written:
    """What a root file system holds."""

    files: int
    size: int
    """Sum of the files' sizes in bytes."""
    missing: tuple[str, ...]
    """Shared libraries that the host's loader does not find either."""


def interpreters(environ: Mapping[str, str], *, home: Path) -> tuple[Interpreter, ...]:
    """The usable CPythons (3.8 or newer) of this machine: the one that runs us first, then newest first.

    Looks along PATH, in pyenv's and uv's folders and in the tool cache of GitHub's runners. Each binary found is
    asked for its paths once, with an empty environment. Shims, which are scripts, are passed over.
    """
    found: dict[Path, Interpreter] = {}
    for path in _binaries(environ, home):
        real = _real(path)
        if real is not None and real not in found:
            described = _describe(real)
            if described is not None:
                found[real] = described
    ours = _real(Path(_own_executable()))
    return tuple(sorted(found.values(), key=lambda each: (each.executable != ours, [-n for n in each.version])))


def choose(available: Sequence[Interpreter], wanted: str | None) -> Choice:
    """The interpreter for a wanted version `X.Y` (or `X.Y.Z`), None meaning the one that runs us.

    Without an exact match the nearest newer version is taken, then the nearest older one, and the note says so.
    Raises SandboxError when the machine has none at all.
    """
    if not available:
        raise SandboxError(
            "No CPython was found on this machine to make a base image of.",
            hint="Install Python 3.8 or newer, or name a base image with sandbox.image in .tryline.yml.",
            slug="no-interpreter",
        )
    if wanted is None:
        return Choice(available[0])
    asked = tuple(int(part) for part in wanted.split(".") if part.isdigit())
    exact = [each for each in available if each.version[: len(asked)] == asked]
    exact = exact or [each for each in available if each.version[:2] == asked[:2]]
    if exact:
        return Choice(exact[0])
    newer = sorted((each for each in available if each.version > asked), key=lambda each: each.version[:2])
    older = sorted((each for each in available if each.version < asked), key=lambda each: each.version)
    chosen = newer[0] if newer else older[-1]
    have = ", ".join(dict.fromkeys(each.minor for each in sorted(available, key=lambda each: each.version)))
    return Choice(chosen, f"Python {wanted} is not on this machine (there are {have})")


def fingerprint(interpreter: Interpreter) -> str:
    """A digest that changes when the interpreter, the C library or the format of the file system does."""
    binary = interpreter.executable.stat()
    parts = (
        FORMAT,
        interpreter.executable,
        interpreter.dotted,
        binary.st_size,
        binary.st_mtime_ns,
        interpreter.stdlib.stat().st_mtime_ns,
        "-".join(platform.libc_ver()),
        platform.machine(),
    )
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:24]


def ca_bundle(environ: Mapping[str, str] | None = None) -> bytes:
    """The certificate authorities that this machine trusts, PEM; empty where there is no known bundle.

    With `environ` also those that its SSL_CERT_FILE or REQUESTS_CA_BUNDLE names: in a container, a site's own
    authority is not among the system's.
    """
    known = next((path for path in map(Path, _CA_BUNDLES) if path.is_file()), None)
    bundle = known.read_bytes() if known else b""
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        named = Path((environ or {}).get(variable) or "/nowhere")
        if named.is_file() and os.access(named, os.R_OK):
            further = named.read_bytes()
            if further not in bundle:
                bundle = bundle.rstrip(b"\n") + b"\n" + further
    return bundle


def write(interpreter: Interpreter, target: BinaryIO, *, companions: Sequence[Path] = ()) -> Written:
    """Writes the root file system to `target` as an uncompressed tar.

    `companions` are binaries that will be put inside later: what they link against goes in, they do not.
    Everything belongs to root, is readable by all, and bears no setuid bit. Raises SandboxError on a machine
    that is not Linux with a dynamic loader.
    """
    if sys.platform != "linux" or shutil.which("ldd") is None:
        raise SandboxError(
            "A base image can be made from the local interpreter on Linux only.",
            hint="Let the engine reach a registry, or name a base image with sandbox.image in .tryline.yml.",
            slug="no-base-image",
        )
    tree = _Tree()
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        tree.add(Path(name))  # on a merged system these are links, and `#!/bin/sh` needs them
    tree.add(interpreter.executable)
    tree.add_all(_standard_library(interpreter))
    tree.add_all(_tools())
    tree.add_all(path for name in _TREES for path in _walk(Path(name)))
    tree.add_all(_walk(Path("/usr/share/zoneinfo"), left_out=frozenset({"right", "posix"})))
    libraries, missing = _libraries([*tree.binaries(), *companions])
    tree.add_all(libraries)
    tree.add_all(_loaded_by_name(libraries))
    tree.add(Path(f"/usr/bin/python{interpreter.minor}"), only_if=interpreter.executable)
    _configuration(tree)
    return tree.write(target, missing)


# ------------------------------------------------------------------------------------------- interpreters


def _binaries(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    yield Path(_own_executable())
    folders = [Path(part) for part in environ.get("PATH", "").split(os.pathsep) if part]
    roots = [Path(environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"]
    roots += [Path(environ.get("UV_PYTHON_INSTALL_DIR", home / ".local" / "share" / "uv" / "python"))]
    roots += [Path(environ.get("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache")) / "Python"]
    for root in filter(_readable, roots):
        folders += sorted(root.glob("*/bin"), reverse=True) + sorted(root.glob("*/*/bin"), reverse=True)
    for folder in [*folders, Path("/usr/local/bin"), Path("/usr/bin")]:
        for minor in range(20, 7, -1):
            yield folder / f"python3.{minor}"


def _readable(folder: Path) -> bool:
    """Whether it can be looked into: a variable may name another user's."""
    return os.access(folder, os.R_OK | os.X_OK)


def _own_executable() -> str:
    """The interpreter behind the virtual environment, if we run in one."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _real(path: Path) -> Path | None:
    """Where a binary really stands, or None when it is not an ELF file that may be run."""
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as stream:
            return real if stream.read(4) == b"\x7fELF" and os.access(real, os.X_OK) else None
    except (OSError, RuntimeError):
        return None


def _describe(executable: Path) -> Interpreter | None:
    """Asks a binary what it is; None when it does not answer as a CPython that we support."""
    try:
        ran = subprocess.run(
            [executable, "-I", "-S", "-c", _ASK], capture_output=True, timeout=20, check=True, env={}, cwd="/"
        )
        answer = json.loads(ran.stdout)
        version = tuple(int(part) for part in answer["version"])
        stdlib = Path(answer["stdlib"])
        if answer["implementation"] != "cpython" or version < (3, 8) or not stdlib.is_dir():
            return None
        return Interpreter(
            executable,
            (version[0], version[1], version[2]),
            Path(answer["prefix"]),
            stdlib,
            Path(answer["dynload"] or stdlib / "lib-dynload"),
            Path(answer["header"]),
        )
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None


# ------------------------------------------------------------------------------------------- what goes in


def _standard_library(interpreter: Interpreter) -> Iterator[Path]:
    """Files of the standard library, with the bytecode that belongs to this interpreter."""
    ours = f".cpython-{interpreter.version[0]}{interpreter.version[1]}.pyc"
    for path in _walk(interpreter.stdlib, left_out=_LEFT_OUT):
        if path.suffix == ".a" or (path.suffix == ".pyc" and not path.name.endswith(ours)):
            continue
        yield path
    yield from _walk(interpreter.dynload)
    yield interpreter.header
    # A launcher of the same prefix (`python3`, `python`) is what scripts of the project call.
    for name in ("python3", "python"):
        launcher = interpreter.prefix / "bin" / name
        if launcher.exists() and launcher.resolve() == interpreter.executable:
            yield launcher


def _walk(root: Path, left_out: frozenset[str] = frozenset()) -> Iterator[Path]:
    """A file itself, or every file below a folder, in order; nothing when there is none."""
    if not root.is_dir():
        if root.exists():
            yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in left_out)
        for name in sorted(names):
            yield Path(folder) / name
        # Links to folders are not walked into: they go in as links, with what they lead to.
        for name in folders:
            if (Path(folder) / name).is_symlink():
                yield Path(folder) / name


def _tools() -> Iterator[Path]:
    """The programs that test suites and builds call, as far as this machine has them."""
    for name in _TOOLS.split():
        tool = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        if tool is not None:
            yield Path(tool)
    core = Path("/usr/lib/git-core")
    for path in _walk(core):
        # git's own built-ins are links or copies of one binary; the big others talk to servers, which is
        # not possible in a sandbox anyway.
        if path.is_symlink() or path.stat().st_size < 200_000:
            yield path


def _libraries(binaries: Iterable[Path]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """What the dynamic loader of this machine would load for these files, and what it does not find."""
    paths = sorted({str(path) for path in binaries})
    found: set[Path] = set()
    missing: set[str] = set()
    for start in range(0, len(paths), 200):
        # The host's own loader gives the answer, so RPATH, ld.so.conf and hardware variants are as they are.
        listed = subprocess.run(
            ["ldd", *paths[start : start + 200]],
            capture_output=True,
            timeout=120,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        )
        for line in listed.stdout.decode(errors="replace").splitlines():
            words = line.split()
            if line.endswith("=> not found"):
                missing.add(words[0])
            elif line.startswith("\t") and words:
                target = words[2] if len(words) > 2 and words[1] == "=>" else words[0]
                if target.startswith("/") and Path(target).is_file():
                    found.add(Path(target))
    return tuple(sorted(found)), tuple(sorted(missing))


def _loaded_by_name(libraries: Sequence[Path]) -> Iterator[Path]:
    """Libraries that no file put here names: name services, the C++ runtime, OpenSSL's providers."""
    for folder in sorted({path.parent for path in libraries}):
        for name in _UNNAMED:
            if (folder / name).is_file():
                yield folder / name
        yield from _walk(folder / "ossl-modules")


def _configuration(tree: _Tree) -> None:
    tree.text("/etc/passwd", _PASSWD)
    tree.text("/etc/group", _GROUP)
    tree.text("/etc/nsswitch.conf", _NSSWITCH)
    tree.text("/etc/hosts", _HOSTS)
    tree.text("/etc/resolv.conf", "")
    tree.text("/etc/hostname", "sandbox\n")
    bundle = ca_bundle()
    if bundle:
        tree.text(CA_BUNDLE, bundle.decode(errors="replace"))
        for name in ("/usr/lib/ssl/cert.pem", "/etc/ssl/cert.pem", "/etc/pki/tls/cert.pem"):
            tree.link(name, CA_BUNDLE)
    for name, mode in (("/tmp", 0o1777), ("/var/tmp", 0o1777), ("/root", 0o755), ("/proc", 0o755)):  # noqa: S108
        tree.folder(name, mode)
    for name in ("/sys", "/dev", "/run", "/opt", "/home", "/mnt", "/srv", "/etc"):
        tree.folder(name, 0o755)


# ---------------------------------------------------------------------------------------------- the tar


class _Tree:
    """Entries of the archive by their path inside; a path is walked link by link as the kernel would."""

    def __init__(self) -> None:
        self._folders: dict[str, int] = {}
        self._links: dict[str, str] = {}
        self._files: dict[str, Path] = {}
        self._texts: dict[str, bytes] = {}

    def add_all(self, paths: Iterable[Path]) -> None:
        for path in paths:
            self.add(path)

    def add(self, path: Path, *, only_if: Path | None = None) -> None:
        """Adds a file of the host under its own path, with every link on the way to it.

        With `only_if` it is added only when it leads to that file.
        """
        if only_if is not None and (not path.exists() or path.resolve() != only_if):
            return
        queue = [part for part in path.parts if part != "/"]
        here = "/"
        hops = 0
        while queue:
            part = queue.pop(0)
            if part == "..":
                here = os.path.dirname(here)  # noqa: PTH120 - text, not a path of this machine
                continue
            there = here.rstrip("/") + "/" + part
            if os.path.islink(there):  # noqa: PTH114
                target = os.readlink(there)  # noqa: PTH115
                self._links[there] = target
                hops += 1
                if hops > 40:
                    return
                if target.startswith("/"):
                    here = "/"
                queue = [word for word in target.split("/") if word not in ("", ".")] + queue
                continue
            here = there
            if queue:
                self.folder(here, 0o755)
        if os.path.isdir(here):  # noqa: PTH112
            self.folder(here, 0o755)
        elif os.path.isfile(here):  # noqa: PTH113
            self._files[here] = Path(here)

    def text(self, path: str, content: str) -> None:
        resolved = self._resolve(path)
        self._files.pop(resolved, None)
        self._texts[resolved] = content.encode()

    def link(self, path: str, target: str) -> None:
        resolved = self._resolve(path)
        if resolved not in self._files and resolved not in self._texts and resolved not in self._links:
            self._links[resolved] = target

    def folder(self, path: str, mode: int) -> None:
        if path not in self._links:
            self._folders[path] = max(mode, self._folders.get(path, 0))

    def _resolve(self, path: str) -> str:
        """Follows links in the folders of a path that we write ourselves, and makes those folders."""
        here = ""
        for part in path.strip("/").split("/")[:-1]:
            here = f"{here}/{part}"
            if here in self._links:
                here = os.path.normpath(os.path.join(os.path.dirname(here), self._links[here]))  # noqa: PTH118,PTH120
            else:
                self.folder(here, 0o755)
        return f"{here}/{path.rsplit('/', 1)[1]}"

    def binaries(self) -> list[Path]:
        """The files in here that are ELF."""
        found = []
        for path in self._files.values():
            if path.suffix in (".py", ".pyc") or not os.access(path, os.R_OK):
                continue
            with path.open("rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    found.append(path)
        return found

    def write(self, target: BinaryIO, missing: tuple[str, ...]) -> Written:
        size = 0
        with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name, mode in sorted(self._folders.items()):
                archive.addfile(_entry(name, tarfile.DIRTYPE, mode))
            for name, to in sorted(self._links.items()):
                entry = _entry(name, tarfile.SYMTYPE, 0o777)
                entry.linkname = to
                archive.addfile(entry)
            for name, content in sorted(self._texts.items()):
                entry = _entry(name, tarfile.REGTYPE, 0o644)
                entry.size = len(content)
                size += entry.size
                archive.addfile(entry, io.BytesIO(content))
            for name, path in sorted(self._files.items()):
                if not os.access(path, os.R_OK):
                    continue
                about = path.stat()
                runnable = bool(about.st_mode & stat.S_IXUSR)
                entry = _entry(name, tarfile.REGTYPE, 0o755 if runnable else 0o644)
                entry.size = about.st_size
                # Bytecode is valid only for the modification time of its source.
                entry.mtime = int(about.st_mtime)
                size += entry.size
                with path.open("rb") as stream:
                    archive.addfile(entry, stream)
        return Written(len(self._files) + len(self._texts), size, missing)


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.type = kind
    entry.mode = mode
    return entry
