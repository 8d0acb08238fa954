"""What doctor says of an engine, and how runtimes are chosen: over answers as engines give them; once for real."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest
from engines import docker_backend, prepared

from bot.errors import SandboxError
from bot.sandboxes.docker import doctor, isolation

# As the engines answered, shortened: Docker 20.10.24 (Debian), Podman 4.3.1 (Debian).
DOCKER: Mapping[str, Any] = {
    "Version": "20.10.24+dfsg1",
    "Components": [
        {"Name": "Engine", "Version": "20.10.24+dfsg1"},
        {"Name": "containerd", "Version": "1.6.20~ds1"},
        {"Name": "runc", "Version": "1.1.5+ds1"},
    ],
}
PODMAN: Mapping[str, Any] = {
    "Version": "4.3.1",
    "Components": [
        {"Name": "Podman Engine", "Version": "4.3.1"},
        {"Name": "Conmon", "Version": "conmon version 2.1.6, commit: unknown"},
        {"Name": "OCI Runtime (runc)", "Version": "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1"},
    ],
}


def about(*runtimes: str, default: str = "runc", security: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "Runtimes": {name: {"path": name} for name in ("runc", *runtimes)},
        "DefaultRuntime": default,
        "SecurityOptions": list(security),
        **more,
    }


def test_engines_are_told_apart_with_their_runtimes_version() -> None:
    assert isolation.found(about(), DOCKER).engine() == "docker 20.10.24+dfsg1 (runc 1.1.5+ds1)"
    assert isolation.found(about(), PODMAN).engine() == "podman 4.3.1 (runc 1.1.5+ds1)"
    assert isolation.found({}, {}).engine() == "docker unknown (runc)"


@pytest.mark.parametrize(
    ("security", "said", "unsaid"),
    [
        (("name=seccomp,profile=default",), "system calls filtered by the engine", "mapped, rootless"),
        (("name=seccomp,profile=unconfined",), "system calls not filtered by the engine", "apparmor"),
        (("name=seccomp,profile=builtin", "name=userns"), "user ids mapped", "user ids not mapped"),
        (("name=seccomp,profile=builtin", "name=rootless"), "user ids mapped, rootless engine", "not mapped"),
        (("name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"), "apparmor", "cgroupns"),
    ],
)
def test_isolation_is_told_as_the_engine_says_it(security: tuple[str, ...], said: str, unsaid: str) -> None:
    words = isolation.found(about(security=security), DOCKER).words()
    assert said in words and unsaid not in words
    assert "candidate" not in words, "the agent was not asked yet"


def test_what_the_agent_tells_is_told_and_bounded() -> None:
    here = isolation.found(about(security=("name=seccomp,profile=default",)), DOCKER)
    words = here.told({"fence": "on", "ids": "own"}).words()
    assert "a user id for each candidate" in words and "filtered by the engine, and by us" in words
    words = here.told({"fence": "no ctypes", "ids": "the agent is not root"}).words()
    assert "one user id for all (the agent is not root)" in words and "not by us (no ctypes)" in words
    assert here.told({"fence": ["on"], "ids": 1}) == here
    assert len(here.told({"fence": "x" * 10_000}).words()) < 500


@pytest.mark.parametrize(
    ("known", "default", "wanted", "tried"),
    [
        ((), "runc", None, ("runc",)),
        (("crun",), "crun", None, ("crun",)),
        (("kata-qemu", "runsc"), "runc", None, ("runsc", "kata-qemu", "runc")),
        (("kata", "runsc"), "kata", None, ("kata",)),
        (("runsc",), "runc", "runc", ("runc",)),
        (("runsc",), "runc", "runsc", ("runsc",)),
    ],
)
def test_the_strongest_runtimes_are_tried_first(
    known: tuple[str, ...], default: str, wanted: str | None, tried: tuple[str, ...]
) -> None:
    assert isolation.found(about(*known, default=default), DOCKER).choices(wanted) == tried


def test_a_runtime_under_which_no_limit_holds_must_be_named() -> None:
    loose = about()
    loose["Runtimes"]["runsc"] = {"path": "runsc", "runtimeArgs": ["--ignore-cgroups"]}
    here = isolation.found(loose, DOCKER)
    assert here.choices(None) == ("runc",) and here.choices("runsc") == ("runsc",)


def test_podman_is_asked_for_no_runtime() -> None:
    here = isolation.found(about("runsc", "kata", "krun"), PODMAN)
    assert here.choices(None) == here.choices("runc") == ("runc",)
    with pytest.raises(SandboxError) as caught:
        here.choices("runsc")
    assert caught.value.slug == "sandbox-runtime" and "containers.conf" in caught.value.hint


def test_a_runtime_that_nobody_registered_is_said() -> None:
    with pytest.raises(SandboxError) as caught:
        isolation.found(about("crun"), DOCKER).choices("runsc")
    assert caught.value.slug == "sandbox-runtime" and "crun, runc" in caught.value.message


@pytest.mark.parametrize(
    ("version", "known", "advice"),
    [
        ("1.1.5+ds1", "CVE-2024-21626 CVE-2025-31133", "security tracker"),
        ("1.1.7-0ubuntu1~22.04.2", "CVE-2024-21626 CVE-2025-52565", "security tracker"),
        ("1.1.11", "CVE-2024-21626 CVE-2025-52881", "Update it"),
        ("1.1.12", "CVE-2025-31133", "Update it"),
        ("1.2.7", "CVE-2025-31133", "Update it"),
        ("1.3.2", "CVE-2025-31133", "Update it"),
        ("1.4.0-rc.2", "CVE-2025-31133", "Update it"),
        ("v1.0.0-rc93", "CVE-2024-21626 CVE-2025-31133", "Update it"),
        *((fine, "", "") for fine in ("1.2.8", "1.3.3", "1.4.0-rc.3", "1.4.0", "1.5.1", "2.0.0", "", "?")),
    ],
)
def test_versions_of_runc_with_known_ways_out_are_named(version: str, known: str, advice: str) -> None:
    said = doctor.runc_advice(version)
    assert all(name in said for name in known.split()) and advice in said
    assert ("CVE-2024-21626" in said) == ("CVE-2024-21626" in known)
    assert bool(said) == bool(known)


@pytest.mark.parametrize(
    ("environ", "kept"),
    [
        ({"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "self-hosted"}, True),
        ({"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted"}, False),
        ({"GITLAB_CI": "true", "CI_RUNNER_ID": "7", "CI_RUNNER_TAGS": '["docker"]'}, True),
        ({"GITLAB_CI": "true", "CI_RUNNER_ID": "7", "CI_RUNNER_TAGS": '["saas-linux-small-amd64"]'}, False),
        ({"RUNNER_ENVIRONMENT": "self-hosted"}, False),
        ({}, False),
    ],
)
def test_machines_that_are_kept_are_told(environ: Mapping[str, str], kept: bool) -> None:
    assert bool(doctor.kept_machine(environ)) is kept


@pytest.mark.engine
def test_the_diagnosis_of_a_real_engine_names_what_matters() -> None:
    backend = docker_backend({**os.environ, "GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "self-hosted"})
    prepared(backend)
    rows = {row.name: row for row in backend.diagnose()}
    backend.close()
    names = "engine storage limits container isolation runtimes registry images leftovers machine"
    assert list(rows) == names.split()
    assert rows["engine"].ok and "runc" in rows["engine"].detail
    assert "cgroup v" in rows["limits"].detail and "GiB free" in rows["storage"].detail
    assert rows["container"].detail.startswith("one started with ")
    assert "a user id for each candidate" in rows["isolation"].detail and "by us" in rows["isolation"].detail
    assert backend.describe()["isolation"] == rows["isolation"].detail
    assert "prepared" in rows["images"].detail and "self-hosted" in rows["machine"].detail
