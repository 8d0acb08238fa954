"""The root file system holds one interpreter, all that it links against, and nothing of this machine's own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from bot.errors import SandboxError
from bot.sandboxes.docker import rootfs
from bot.sandboxes.docker.rootfs import Interpreter, choose


def interpreter(*version: int) -> Interpreter:
    where = Path("/nowhere")
    return Interpreter(where, (version[0], version[1], version[2]), where, where, where, where)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("rootfs") / "root.tar"
    here = rootfs.interpreters({}, home=Path("/nonexistent"))[0]
    with target.open("wb") as stream:
        written = rootfs.write(here, stream)
    assert written.missing == ()
    assert written.size < 250 * 2**20
    return target


def entries(archive: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(archive) as opened:
        return {entry.name: entry for entry in opened}


def test_the_interpreter_that_runs_us_comes_first() -> None:
    found = rootfs.interpreters(os.environ, home=Path.home())
    assert found[0].version == sys.version_info[:3]
    assert found[0].stdlib.is_dir()
    assert len({each.executable for each in found}) == len(found)


def test_scripts_and_broken_links_on_the_path_are_no_interpreters(tmp_path: Path) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\ntouch ran\n")
    shim.chmod(0o755)
    (tmp_path / "python3.11").symlink_to(tmp_path / "gone")
    (tmp_path / "python3.10").symlink_to("/bin/ls")
    found = rootfs.interpreters({"PATH": str(tmp_path)}, home=tmp_path)
    assert not any(str(each.executable).startswith(str(tmp_path)) for each in found)
    assert not any(each.executable.name == "ls" for each in found)
    assert not (tmp_path / "ran").exists()


def test_choice_by_version() -> None:
    available = [interpreter(3, 11, 7), interpreter(3, 13, 0), interpreter(3, 9, 18)]
    assert choose(available, None).interpreter.version == (3, 11, 7)
    assert choose(available, "3.9") == choose(available[::-1], "3.9")
    assert choose(available, "3.9").note == ""
    assert choose(available, "3.11.2").interpreter.dotted == "3.11.7"
    newer = choose(available, "3.10")
    assert newer.interpreter.minor == "3.11"
    assert newer.note == "Python 3.10 is not on this machine (there are 3.9, 3.11, 3.13)"
    assert choose(available, "3.14").interpreter.minor == "3.13"
    with pytest.raises(SandboxError) as raised:
        choose([], None)
    assert raised.value.slug == "no-interpreter"


def test_the_fingerprint_tells_interpreters_apart() -> None:
    found = rootfs.interpreters(os.environ, home=Path.home())
    marks = [rootfs.fingerprint(each) for each in found]
    assert len(set(marks)) == len(found)
    assert marks == [rootfs.fingerprint(each) for each in found]


@pytest.mark.thorough
def test_nothing_of_the_hosts_packages_or_users_goes_in(archive: Path) -> None:
    found = entries(archive)
    for name in found:
        assert not {"site-packages", "dist-packages", "idlelib", "_bundled"} & set(name.split("/")), name
        assert not name.endswith(".a")
    with tarfile.open(archive) as opened:
        passwd = opened.extractfile("etc/passwd")
        assert passwd is not None
        assert passwd.read().count(b"\n") == 2
    assert "etc/shadow" not in found


def test_everything_is_roots_and_readable_without_special_bits(archive: Path) -> None:
    for entry in entries(archive).values():
        assert (entry.uid, entry.gid) == (0, 0)
        assert not entry.mode & 0o6000, entry.name
        assert entry.isfile() or entry.isdir() or entry.issym(), entry.name
        if not entry.issym():
            assert entry.mode & 0o444 == 0o444, entry.name
        if entry.isdir():
            assert entry.mode & 0o111 == 0o111, entry.name


def test_links_lead_to_something_inside(archive: Path) -> None:
    """Followed as the kernel would, from the root of the archive."""
    found = entries(archive)

    def lands(name: str, hops: int = 0) -> bool:
        here: list[str] = []
        parts = [part for part in name.split("/") if part]
        for index, part in enumerate(parts):
            if part == "..":
                here = here[:-1]
                continue
            here.append(part)
            entry = found.get("/".join(here))
            if entry is not None and entry.issym():
                base = [] if entry.linkname.startswith("/") else here[:-1]
                return hops < 40 and lands("/".join([*base, entry.linkname, *parts[index + 1 :]]), hops + 1)
        return not here or "/".join(here) in found

    assert lands("bin/sh")
    dangling = [name for name, entry in found.items() if entry.issym() and not lands(name)]
    assert dangling == []


def test_bytecode_fits_its_source(archive: Path) -> None:
    found = entries(archive)
    compiled = next(
        name for name in found if name.endswith(f"/__pycache__/ast.{sys.implementation.cache_tag}.pyc")
    )
    source = found[compiled.replace("__pycache__/", "").replace(f".{sys.implementation.cache_tag}.pyc", ".py")]
    with tarfile.open(archive) as opened:
        stream = opened.extractfile(compiled)
        assert stream is not None
        head = stream.read(16)
    assert int.from_bytes(head[8:12], "little") == source.mtime
    assert int.from_bytes(head[12:16], "little") == source.size


def test_a_file_of_a_closed_folder_is_open_inside(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "tool").write_text("x")
    (closed / "tool").chmod(0o4700)
    (tmp_path / "link").symlink_to("closed/../closed/tool")
    closed.chmod(0o700)
    tree = rootfs._Tree()
    tree.add(tmp_path / "link")
    target = io.BytesIO()
    tree.write(target, ())
    target.seek(0)
    with tarfile.open(fileobj=target) as opened:
        modes = {"/" + entry.name: oct(entry.mode) for entry in opened}
    assert modes[str(closed)] == "0o755"
    assert modes[str(closed / "tool")] == "0o755"
    assert modes[str(tmp_path / "link")] == "0o777"


@pytest.mark.engine
def test_it_runs_for_a_user_without_an_entry(archive: Path) -> None:
    """Imported as an image and run read-only: libraries, names, time zones, certificates, git, a shell."""
    program = """
import bz2, ctypes, decimal, hashlib, locale, lzma, socket, sqlite3, ssl, subprocess, uuid, zoneinfo
assert socket.gethostbyname("localhost") == "127.0.0.1"
assert locale.setlocale(locale.LC_ALL, "C.UTF-8")
assert zoneinfo.ZoneInfo("Europe/Rome")
assert ssl.create_default_context().get_ca_certs()
script = '''set -e; cd /tmp; git init -q r; cd r; echo a > b; git add b
git -c user.name=n -c user.email=e commit -qm c; git log --format=%s; sort b | sed s/a/z/; find . -name b'''
print(subprocess.run(script, shell=True, check=True, capture_output=True, text=True).stdout.split())
"""
    image = subprocess.check_output(["docker", "import", archive], text=True).strip()
    try:
        here = rootfs.interpreters({}, home=Path("/nonexistent"))[0]
        flags = ["--rm", "--network=none", "--read-only", "--tmpfs=/tmp", "--user=54321:54321", "--cap-drop=ALL"]
        ran = subprocess.run(
            ["docker", "run", *flags, image, here.executable, "-c", program],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.stdout, ran.stderr) == ("['c', 'z', './b']\n", "")
    finally:
        subprocess.run(["docker", "rmi", "-f", image], check=True, capture_output=True)


def test_a_sites_own_authority_is_trusted_beside_the_systems(tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_bytes(b"-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n")
    systems = rootfs.ca_bundle()
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        assert rootfs.ca_bundle({variable: str(own)}) == systems.rstrip(b"\n") + b"\n" + own.read_bytes()
    both = rootfs.ca_bundle({"SSL_CERT_FILE": str(own), "REQUESTS_CA_BUNDLE": str(own)})
    assert both.count(b"ours") == 1
    assert rootfs.ca_bundle({"SSL_CERT_FILE": str(tmp_path / "missing")}) == systems
