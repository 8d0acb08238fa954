"""Further container engines for tests: real daemons in a network of their own, ended with all that they started.

Each lives in its own network, mount and process namespaces: it cannot touch the machine's engine (a second
`dockerd` in the same network removes `docker0`), and when the test's process dies, the kernel ends every process
of it. There is no way out of that network; `bring` copies prepared images from the machine's engine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import docker
import requests

from bot.domain import Image
from bot.errors import SandboxError
from bot.sandboxes.docker import engine
from bot.sandboxes.docker.images import BASE, BASE_NAME, DEPS_NAME, KEY

PATIENCE = 60
"""Seconds in which a daemon must answer; they are many because the machine may be busy."""
_FAILED: dict[str, str] = {}
"""Engines that did not start in this process, and why: the next test that wants one does not wait for it again."""
NAME = "tryline-daemon-"
"""Begins the name of a daemon's folder, before the process id of its test."""
CGROUPS = Path("/sys/fs/cgroup")
USERS = "200000:65536"
"""First user id on the machine, and how many, of a daemon whose users are mapped."""

# The first process of the namespaces: brings up loopback, takes in orphans, lives as long as the test's process.
_FIRST = (
    "import os,signal,subprocess;signal.signal(signal.SIGCHLD,signal.SIG_DFL);"
    "subprocess.run(['ip','link','set','lo','up'],check=True);"
    "signal.signal(signal.SIGCHLD,signal.SIG_IGN);print(flush=True);"
    "[signal.pause() for _ in iter(int,1)]"
)
# Between a listening socket of ours and a port inside: bytes in, bytes out.
_RELAY = """
import socket, sys, threading
listening = socket.socket(fileno=int(sys.argv[1]))
def pump(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        target.close()
while True:
    outer = listening.accept()[0]
    try:
        inner = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    except OSError:
        outer.close()  # the daemon is not up yet, or down
        continue
    for pair in ((outer, inner), (inner, outer)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
"""


@dataclass
class Daemon:
    """A running engine and how it is reached."""

    folder: Path
    first: subprocess.Popen[bytes]
    command: Sequence[str]
    environ: Mapping[str, str]
    """What names it: DOCKER_HOST, and with TLS the other two variables."""
    inside: int = 0
    """Process id, on the machine, of the namespaces' first process."""
    process: subprocess.Popen[bytes] | None = None
    _client: docker.DockerClient | None = field(default=None, repr=False)

    def start(self) -> None:
        """Starts the engine and waits until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._enter(), *self.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )
        until = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(SandboxError, requests.exceptions.RequestException):
                self.client().ping()
                return
            if time.monotonic() > until or self.process.poll() is not None:
                _FAILED[self.command[0]] = f"the daemon does not answer: {self.log()}"
                raise RuntimeError(_FAILED[self.command[0]])
            time.sleep(0.1)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Ends the engine's own process; its containers go on, as they do on a machine whose engine crashes."""
        assert self.process is not None
        # The process is a child of `nsenter`, which has its pid in our namespace as its only child.
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), number)
        self.process.wait(timeout=30)

    def restart(self) -> None:
        """Starts it again after `kill`."""
        (self.folder / "pid").unlink(missing_ok=True)
        self.start()

    def run(self, *command: str) -> str:
        """Runs a program in the daemon's namespaces and gives what it prints."""
        ran = subprocess.run([*self._enter(), *command], capture_output=True, check=True, timeout=120)
        return ran.stdout.decode()

    def client(self) -> docker.DockerClient:
        """A client of it, the same each time."""
        if self._client is None:
            self._client = engine.connect(self.environ)
        return self._client

    def log(self) -> str:
        """The end of what it said."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def end(self) -> None:
        """Ends it and everything that it started, and removes its files."""
        if self._client is not None:
            self._client.close()
        self.first.kill()
        self.first.wait()
        if self.process is not None:
            self.process.wait(timeout=60)
        _forget_cgroups(self.folder.name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _enter(self) -> list[str]:
        return ["nsenter", f"--target={self.inside}", "--net", "--mount", "--pid", "--"]


@contextlib.contextmanager
def dockerd(
    *,
    tls: bool = False,
    users: bool = False,
    runtimes: Mapping[str, Sequence[str]] | None = None,
    data_mb: int = 0,
) -> Iterator[Daemon]:
    """A further `dockerd`; reached over TCP with certificates, with users mapped, knowing more runtimes (name ->
    program and its arguments), with a disk of `data_mb` MiB in memory, as asked for."""
    with _folder() as folder:
        _needs("dockerd", "unshare", "nsenter", "setpriv", "ip")
        settings = {
            "data-root": str(folder / "data"),
            "exec-root": str(folder / "exec"),
            "pidfile": str(folder / "pid"),
            "hosts": [f"unix://{folder}/docker.sock"],
            "cgroup-parent": f"/{folder.name}",
            "runtimes": {
                name: {"path": program[0], "runtimeArgs": list(program[1:])}
                for name, program in (runtimes or {}).items()
            },
            "shutdown-timeout": 1,
        }
        environ = {"DOCKER_HOST": f"unix://{folder}/docker.sock"}
        if users:
            settings["userns-remap"] = "nobody:nogroup"
        with contextlib.ExitStack() as stack:
            if tls:
                _certificates(folder)
                settings["hosts"] += ["tcp://127.0.0.1:2376"]  # type: ignore[operator]
                settings |= {
                    "tlsverify": True,
                    **{f"tls{kind}": str(folder / f"{kind}.pem") for kind in ("cacert", "cert", "key")},
                }
            (folder / "daemon.json").write_text(json.dumps(settings))
            command = ["dockerd", f"--config-file={folder}/daemon.json"]
            daemon = _begun(folder, command, environ, users=users)
            stack.callback(daemon.end)
            if data_mb:
                (folder / "data").mkdir()
                daemon.run("mount", "-t", "tmpfs", "-o", f"size={data_mb}m", "tmpfs", str(folder / "data"))
            if tls:
                port = stack.enter_context(_relay(daemon, 2376))
                daemon.environ = {
                    "DOCKER_HOST": f"tcp://localhost:{port}",
                    "DOCKER_TLS_VERIFY": "1",
                    "DOCKER_CERT_PATH": str(folder / "client"),
                }
            daemon.start()
            yield daemon


@contextlib.contextmanager
def podman() -> Iterator[Daemon]:
    """A `podman system service`, with storage of its own."""
    with _folder() as folder:
        _needs("podman", "runc", "unshare", "nsenter", "setpriv", "ip")
        command = [
            "podman",
            f"--root={folder}/data",
            f"--runroot={folder}/exec",
            f"--tmpdir={folder}/tmp",
            f"--network-config-dir={folder}/networks",
            "--cgroup-manager=cgroupfs",
            "--events-backend=file",
            "--runtime=runc",  # crun refuses machines with both kinds of control groups
            "system",
            "service",
            "--time=0",
            f"unix://{folder}/podman.sock",
        ]
        daemon = _begun(folder, command, {"DOCKER_HOST": f"unix://{folder}/podman.sock"}, users=False)
        try:
            daemon.start()
            yield daemon
        finally:
            daemon.end()


def bring(daemon: Daemon, *images: Image) -> None:
    """Brings prepared images of the machine's engine, and what they were made of, to a further one.

    With both, the daemon's backend finds them in its cache and needs no network.
    """
    source = engine.connect(os.environ)
    try:
        tags = [f"{DEPS_NAME}:{source.images.get(image.reference).labels[KEY]}" for image in images]
        tags += [f"{BASE_NAME}:{source.images.get(image.reference).labels[BASE]}" for image in images[:1]]
        for tag in tags:
            with tempfile.TemporaryFile() as archive:
                for data in source.api.get_image(tag):
                    archive.write(data)
                archive.seek(0)
                for event in daemon.client().api.load_image(archive):
                    if "error" in event:
                        raise RuntimeError(event["error"])
    finally:
        source.close()


# ------------------------------------------------------------------------------------------------- namespaces


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's own: other users must be able to walk through it when users are mapped.
    _sweep()
    made = Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _needs(*programs: str) -> None:
    if programs[0] in _FAILED:
        raise RuntimeError(f"{programs[0]} did not start for an earlier test: {_FAILED[programs[0]]}")
    missing = [name for name in programs if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        what = f"missing: {', '.join(missing)}" if missing else "root is needed"
        raise RuntimeError(f"{what}; run `make engines` as root")


def _begun(folder: Path, command: Sequence[str], environ: Mapping[str, str], *, users: bool) -> Daemon:
    """The namespaces, without the engine yet."""
    first = subprocess.Popen(
        [
            "setpriv", "--pdeathsig=KILL", "--",
            "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
            sys.executable, "-I", "-S", "-c", _FIRST,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert first.stdout is not None
    daemon = Daemon(folder, first, command, environ)
    if first.stdout.readline() != b"\n":
        raise RuntimeError("no namespaces could be made; `unshare` says why above")
    (child,) = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
    daemon.inside = int(child)
    if users:
        for name in ("subuid", "subgid"):
            (folder / name).write_text(f"nobody:{USERS}\nnogroup:{USERS}\n")
            daemon.run("mount", "--bind", str(folder / name), f"/etc/{name}")
    return daemon


@contextlib.contextmanager
def _relay(daemon: Daemon, port: int) -> Iterator[int]:
    """A port of this machine behind which stands a port inside."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = int(listening.getsockname()[1])
        handle = listening.fileno()
        enter = ["nsenter", f"--target={daemon.inside}", "--net", "--"]
        relay = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "--", *enter, sys.executable, "-c", _RELAY, str(handle), str(port)],
            pass_fds=[handle],
        )
    try:
        yield number
    finally:
        relay.kill()
        relay.wait()


def _sweep() -> None:
    """Removes what daemons left whose test was killed: their processes ended with it, their files did not."""
    for made in [*Path(tempfile.gettempdir()).glob(f"{NAME}*-*"), *CGROUPS.glob(f"*/{NAME}*-*")]:
        owner = made.name.removeprefix(NAME).partition("-")[0]
        if not Path("/proc", owner).exists():
            _forget_cgroups(made.name)
            shutil.rmtree(made, ignore_errors=True)


def _forget_cgroups(name: str) -> None:
    """Removes the control groups that a daemon leaves, once its last processes are gone."""
    until = time.monotonic() + 10
    while folders := [folder for folder in [*CGROUPS.glob(f"*/{name}"), CGROUPS / name] if folder.is_dir()]:
        for folder in folders:
            for one in [*sorted(folder.rglob("*/"), key=lambda path: -len(path.parts)), folder]:
                with contextlib.suppress(OSError):
                    one.rmdir()
        if time.monotonic() > until:
            return
        time.sleep(0.05)


# ----------------------------------------------------------------------------------------------- certificates


def _certificates(folder: Path) -> None:
    """An authority, a server's certificate for localhost and a client's, as the engine's variables name them."""
    _needs("openssl")
    client = folder / "client"
    client.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    def key(name: str, subject: str, *more: str) -> None:
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={subject}")
        openssl("req", *new, "-keyout", f"{name}key.pem", *more)

    key("ca", "tests", "-x509", "-days", "2", "-out", "cacert.pem")
    for name, subject, usage in (("", "localhost", "serverAuth"), ("client/", "client", "clientAuth")):
        key(name, subject, "-out", "request.pem")
        (folder / "extensions").write_text(f"extendedKeyUsage={usage}\nsubjectAltName=DNS:localhost\n")
        openssl(
            "x509", "-req", "-in", "request.pem", "-CA", "cacert.pem", "-CAkey", "cakey.pem", "-CAcreateserial",
            "-days", "2", "-extfile", "extensions", "-out", f"{name}cert.pem",
        )  # fmt: skip
    shutil.copy(folder / "cacert.pem", client / "ca.pem")
