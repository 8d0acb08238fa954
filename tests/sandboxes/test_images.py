"""Images are prepared by a real engine: what is in them, what is cached, what a failure says, what is swept up."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
import uv

from bot.domain import Image, InstallStep, Recipe
from bot.errors import SandboxError
from bot.sandboxes.docker import doctor, engine, images
from bot.sandboxes.docker.images import Images, InstallLimits

pytestmark = pytest.mark.engine

PYPROJECT = """
[build-system]
requires = ["setuptools", "setuptools_scm"]
build-backend = "setuptools.build_meta"
[project]
name = "demo"
dynamic = ["version"]
dependencies = ["idna"]
[tool.setuptools_scm]
write_to = "src/demo/_version.py"
"""
FLIT = """
[build-system]
requires = ["flit_core<4"]
build-backend = "flit_core.buildapi"
[project]
name = "flat"
version = "1"
description = "Flat"
license-files = ["LICENSE"]
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "src/demo/__init__.py": "def double(n):\n    return 2 * n\n",
    "src/demo/kept.py": "",
    "flat/pyproject.toml": FLIT,
    "flat/LICENSE": "None.",
    "flat/flat.py": "",
    "tests/test_demo.py": "import demo\n\ndef test_double():\n    assert demo.double(2) == 4\n",
}
EDITABLE = InstallStep(
    ("uv", "pip", "install", "-e", "/repo"), "install demo", env={"SETUPTOOLS_SCM_PRETEND_VERSION": "1.5"}
)
PYTEST = InstallStep(("uv", "pip", "install", "pytest"), "install pytest")


@dataclass
class Notes:
    """A Progress that remembers."""

    notes: list[str] = field(default_factory=list)
    ticks: list[str] = field(default_factory=list)

    def stage(self, name: str, detail: str = "") -> None:
        raise AssertionError("stages belong to the review")

    def note(self, text: str) -> None:
        self.notes.append(text)

    def tick(self, text: str) -> None:
        self.ticks.append(text)


def tar(files: Mapping[str, str]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return target.getvalue()


def hostile(files: Mapping[str, str]) -> bytes:
    """The same with members that no repository should have."""
    target = io.BytesIO(tar(files))
    with tarfile.open(fileobj=target, mode="a") as archive:
        for name, kind in (
            ("../outside", tarfile.REGTYPE),
            ("/etc/absolute", tarfile.REGTYPE),
            ("null", tarfile.CHRTYPE),
        ):
            entry = tarfile.TarInfo(name)
            entry.type = kind
            archive.addfile(entry, io.BytesIO())
    return target.getvalue()


def recipe(*steps: InstallStep, python: str | None = None, nonce: str = "") -> Recipe:
    return Recipe(python, None, None, {"nonce": nonce or uuid.uuid4().hex}, steps, "a test")


def run(client: docker.DockerClient, image: str, *argv: str, files: Mapping[str, str] | None = None) -> str:
    """Output of one command in a container without network, as a user of its own."""
    made = client.containers.create(image, list(argv), user="23456:23456", network_mode="none")
    try:
        if files:
            made.put_archive("/repo", tar(files))
        made.start()
        made.wait(timeout=60)
        return str(made.logs().decode())
    finally:
        made.remove(force=True)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    connected = engine.connect(os.environ)
    yield connected
    connected.close()


def preparer(client: docker.DockerClient, **options: Any) -> Images:
    environ = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "SECRET_TOKEN": "s3cret"}
    return Images(client, uv_binary=Path(uv.find_uv_bin()), run="test-images", environ=environ, **options)


def discard(client: docker.DockerClient, *prepared: Image) -> None:
    for each in prepared:
        client.images.remove(each.reference, force=True)


@pytest.fixture(scope="module")
def prepared(client: docker.DockerClient) -> Iterator[tuple[Image, Recipe, Notes]]:
    """One image of the demo project, for all tests that look at one."""
    notes = Notes()
    show = InstallStep(("env",), "show the environment")
    find = InstallStep(
        ("find", "/repo", "/outside", "/etc/absolute", "-not", "-type", "f"), "look", required=False
    )
    # flit, unlike setuptools, refuses files that are older than ZIP, as those of `tar` are.
    flit = InstallStep(("uv", "pip", "install", "/repo/flat"), "install a project that flit builds")
    wanted = recipe(find, EDITABLE, flit, PYTEST, show)
    image = preparer(client).prepare(wanted, lambda: hostile(FILES), notes)
    yield image, wanted, notes
    discard(client, image)


def test_what_is_at_repo_is_what_is_imported(
    client: docker.DockerClient, prepared: tuple[Image, Recipe, Notes]
) -> None:
    image = prepared[0]
    assert image.problem is None
    assert image.python[:2] == sys.version_info[:2]
    red = {**FILES, "src/demo/__init__.py": "def double(n):\n    return 3 * n\n"}
    pytest_run = ("/venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "1 passed" in run(client, image.reference, *pytest_run, files=FILES)
    assert "assert 6 == 4" in run(client, image.reference, *pytest_run, files=red)


def test_generated_files_are_kept_and_the_tree_is_not(
    client: docker.DockerClient, prepared: tuple[Image, Recipe, Notes]
) -> None:
    listed = run(client, prepared[0].reference, "find", "/repo", "/opt/tryline", "-type", "f").split()
    assert "/opt/tryline/generated/src/demo/_version.py" in listed
    assert "/opt/tryline/generated/src/demo.egg-info/PKG-INFO" in listed
    assert not [
        path for path in listed if path.startswith("/repo") or "/setup/" in path or path.endswith("kept.py")
    ]


def test_bytecode_is_there_and_all_is_readable(
    client: docker.DockerClient, prepared: tuple[Image, Recipe, Notes]
) -> None:
    image = prepared[0].reference
    closed = run(client, image, "find", "/venv", "/opt/tryline", "/repo", "!", "-perm", "-o=r")
    assert closed == ""
    compiled = run(client, image, "find", "/venv/lib", "-name", "core.*.pyc", "-path", "*idna*")
    assert len(compiled.split()) == 1


def test_nothing_of_our_environment_goes_in(
    client: docker.DockerClient, prepared: tuple[Image, Recipe, Notes]
) -> None:
    image = prepared[0]
    assert "VIRTUAL_ENV=/venv" in image.log
    # Of the tree only what stays inside it, and no devices.
    assert "'/outside': No such file" in image.log.replace("‘", "'").replace("’", "'")
    assert "'/etc/absolute': No such file" in image.log.replace("‘", "'").replace("’", "'")
    assert "/repo/null" not in image.log
    assert "s3cret" not in image.log
    assert str(Path.cwd()) not in image.log
    # Nor does what the installation needed stay behind for the tests to see.
    assert "TMPDIR" not in run(client, image.reference, "env")
    assert "PIP_CERT" not in run(client, image.reference, "env")
    assert client.images.get(image.reference).attrs["Config"]["Entrypoint"] is None


def test_the_work_is_announced(prepared: tuple[Image, Recipe, Notes]) -> None:
    notes = prepared[2]
    assert "installing: install demo" in notes.ticks
    assert any(note.startswith("Installing: a test") for note in notes.notes)


def test_a_known_recipe_comes_from_the_cache(
    client: docker.DockerClient, prepared: tuple[Image, Recipe, Notes]
) -> None:
    image, wanted, _ = prepared

    def tree() -> bytes:
        raise AssertionError("a cached image needs no tree")

    began = time.monotonic()
    again = preparer(client).prepare(wanted, tree, Notes())
    assert time.monotonic() - began < 5
    assert again.cached
    assert (again.reference, again.python, again.origin, again.log) == (
        image.reference,
        image.python,
        image.origin,
        image.log,
    )


def test_a_dockerfile_of_the_repositorys_is_the_base(
    client: docker.DockerClient, prepared: tuple[Image, Recipe, Notes]
) -> None:
    marks = client.images.get(prepared[0].reference).labels
    folder = Path(marks[images.INTERPRETER]).parent
    text = (
        f"FROM {images.BASE_NAME}:{marks[images.BASE]}\nENV PATH={folder}:$PATH\nCOPY marker.py /opt/own/\n"
        "RUN python3 -m venv --without-pip /opt/own/env\n"
        "RUN cp /opt/own/marker.py /opt/own/env/lib/python3*/site-packages\n"
        "ENV PATH=/opt/own/env/bin:$PATH\n"
    )
    wanted = Recipe(None, None, text, {"nonce": uuid.uuid4().hex}, (PYTEST,), "a test")
    notes = Notes()
    image = preparer(client).prepare(wanted, lambda: tar({"marker.py": "colour = 'red'\n"}), notes)
    try:
        assert image.problem is None
        assert image.origin == "built from the repository's Dockerfile"
        shown = run(
            client, image.reference, "/venv/bin/python", "-c", "import marker, pytest; print(marker.colour)"
        )
        assert shown == "red\n"
        assert preparer(client).prepare(wanted, lambda: b"", Notes()).cached
        broken = Recipe(None, None, text + "RUN false\n", {}, (PYTEST,), "a test")
        with pytest.raises(SandboxError) as raised:
            preparer(client).prepare(broken, lambda: tar({"marker.py": ""}), Notes())
        assert raised.value.slug == "dockerfile"
        assert "RUN false" in raised.value.message
    finally:
        marks = [f"{images.BASE}=dockerfile-{wanted.key()}", f"{engine.ROLE}=base"]
        base = client.images.list(filters={"label": marks})
        discard(client, image)
        for each in base:
            client.images.remove(each.id, force=True)


def test_alternatives_and_what_a_failure_says(client: docker.DockerClient) -> None:
    python = ("/opt/tryline/setup/../../../venv/bin/python", "-c")
    wanted = recipe(
        InstallStep((*python, "raise SystemExit('first way failed')"), "the first way", group="a"),
        InstallStep((*python, "print('second')"), "the second way", group="a"),
        InstallStep((*python, "raise SystemExit('third ran')"), "the third way", group="a"),
        InstallStep(("no-such-program",), "what may fail", required=False),
        InstallStep((*python, "import sys; print('error: no gold'); sys.exit(3)"), "the gold"),
        PYTEST,
    )
    notes = Notes()
    image = preparer(client).prepare(wanted, lambda: tar({}), notes)
    try:
        assert image.problem is not None
        assert image.problem.startswith("install: the gold: failed with exit code 3. error: no gold")
        assert "first way failed" in image.log
        assert "third ran" not in image.log
        assert "Not installed (the first way): first way failed" in notes.notes
        # Tests that need nothing of what is missing can still run.
        assert "pytest" in run(client, image.reference, "/venv/bin/python", "-m", "pytest", "--version")
        assert preparer(client).prepare(wanted, lambda: tar({}), Notes()).cached
    finally:
        discard(client, image)


def test_a_step_that_does_not_end_is_ended(client: docker.DockerClient) -> None:
    endless = InstallStep(("/bin/sh", "-c", "sleep 300 & sleep 300"), "wait for ever")
    image = None
    try:
        image = preparer(client, limits=InstallLimits(seconds=4, closing_seconds=60)).prepare(
            recipe(PYTEST, endless),
            lambda: tar({}),
            Notes(),
        )
        assert image.problem is not None
        assert "wait for ever: ran out of time" in image.problem
    finally:
        if image is not None:
            discard(client, image)
    # And where the program inside does not end it, the host does, and leaves no container behind.
    slow = preparer(client, limits=InstallLimits(seconds=1, closing_seconds=1))
    before = set(installing(client))
    began = time.monotonic()
    with pytest.raises(SandboxError) as raised:
        slow.prepare(recipe(*[endless] * 5), lambda: tar({}), Notes())
    assert raised.value.slug == "install"
    assert time.monotonic() - began < 15
    assert set(installing(client)) <= before


def installing(client: docker.DockerClient) -> list[str]:
    listed = client.api.containers(all=True, filters={"label": f"{engine.ROLE}=install"})
    return [container["Id"] for container in listed]


def test_an_image_without_python_is_refused(client: docker.DockerClient) -> None:
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    name = f"tryline-test-{uuid.uuid4().hex[:8]}:latest"
    client.api.import_image_from_data(empty.getvalue(), repository=name.split(":")[0], tag="latest")
    try:
        with pytest.raises(SandboxError) as raised:
            wanted = Recipe(None, name, None, {}, (PYTEST,), "a test")
            preparer(client).prepare(wanted, lambda: tar({}), Notes())
        assert raised.value.slug == "no-base-image"
        assert "python3" in raised.value.hint
    finally:
        client.images.remove(name, force=True)
    with pytest.raises(SandboxError) as raised:
        wanted = Recipe(None, "localhost:1/no/such:image", None, {}, (), "a test")
        preparer(client).prepare(wanted, lambda: tar({}), Notes())
    assert raised.value.slug == "image-pull"


def test_the_least_recently_used_goes_unless_a_container_uses_it(client: docker.DockerClient) -> None:
    """With plain images under a role of their own, so that nobody's cache is touched."""
    role = f"evict-{uuid.uuid4().hex[:8]}"
    preparing = preparer(client)
    made = []
    for number in range(4):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            archive.addfile(tarfile.TarInfo(f"file{number}"), io.BytesIO())
        client.api.import_image_from_data(
            stream.getvalue(), repository=role, tag=str(number), changes=[f'LABEL {engine.ROLE}="{role}"']
        )
        made.append(client.images.get(f"{role}:{number}").id)
        client.api.tag(made[-1], images.USED_NAME, f"{role}{number}-{1000 + number}")
    container = client.containers.create(made[0], ["x"])
    try:
        preparing._evict(role, 2, keep="")
        left = {image.id for image in client.images.list(filters={"label": f"{engine.ROLE}={role}"})}
        assert left == {made[0], made[2], made[3]}
        preparing._mark_used(made[2], f"{role}2")
        container.remove(force=True)
        preparing._evict(role, 1, keep="")
        left = {image.id for image in client.images.list(filters={"label": f"{engine.ROLE}={role}"})}
        assert left == {made[2]}
    finally:
        for image in client.images.list(filters={"label": f"{engine.ROLE}={role}"}):
            client.images.remove(image.id, force=True)


# ------------------------------------------------------------------------------------------------ the engine


def leftover(client: docker.DockerClient, image: str, marks: Mapping[str, str]) -> str:
    return str(client.api.create_container(image, ["x"], labels=dict(marks))["Id"])


def test_the_sweep_takes_the_dead_and_leaves_the_living(
    client: docker.DockerClient, prepared: tuple[Image, Recipe, Notes]
) -> None:
    image = prepared[0].reference
    living = engine.labels("r", role="sandbox")
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    host = living[engine.OWNER].rsplit(":", 2)[0]
    dead = {**living, engine.OWNER: f"{host}:{process.pid}:1"}
    reused = {**living, engine.OWNER: f"{host}:{os.getpid()}:1"}
    foreign = {**living, engine.OWNER: "elsewhere:1:1"}
    expired = {**foreign, engine.CREATED: str(int(time.time()) - 100), engine.TTL: "10"}
    made = {
        name: leftover(client, image, marks)
        for name, marks in {
            "living": living, "dead": dead, "reused": reused, "foreign": foreign, "expired": expired
        }.items()
    }  # fmt: skip
    strangers = client.api.create_container(image, ["x"])["Id"]
    try:
        assert engine.clean(client) >= 3
        there = {container["Id"] for container in client.api.containers(all=True)}
        assert {name for name, identity in made.items() if identity in there} == {"living", "foreign"}
        assert strangers in there
        # The cache is no leftover, though the process that made it may be gone.
        assert client.images.get(image)
    finally:
        for identity in [*made.values(), strangers]:
            subprocess.run(["docker", "rm", "-f", identity], capture_output=True, check=False)


def test_an_absent_engine_is_an_error_with_a_way_out() -> None:
    with pytest.raises(SandboxError) as raised:
        engine.connect({"DOCKER_HOST": "tcp://127.0.0.1:9"}, patience=0)
    assert raised.value.slug == "engine"
    assert "DOCKER_HOST" in raised.value.hint
    rows = doctor.without(raised.value)
    assert [(row.name, row.ok) for row in rows] == [("engine", False)]
    with pytest.raises(SandboxError) as raised:
        engine.connect({"DOCKER_HOST": "tcp://127.0.0.1:9", "GITLAB_CI": "true"}, patience=0)
    assert "docs/gitlab.md" in raised.value.hint
    assert "/certs/client" in raised.value.hint
    with pytest.raises(SandboxError):
        engine.connect(
            {"DOCKER_HOST": "tcp://127.0.0.1:9", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/no"}, patience=0
        )


def test_the_hosts_certificates_do_not_reach_the_engines_client(
    client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    connected = engine.connect({})
    settings = connected.api.merge_environment_settings(connected.api.base_url, {}, None, None, None)
    assert settings["verify"] is not False
    assert "no/such" not in str(settings["verify"])
    connected.close()
