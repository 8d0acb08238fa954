"""Where no engine works, the tests that need one fail at once and say so: each would wait for minutes otherwise.

Hooks for a conftest. Before the first test that needs an engine, and after one that failed late, a container is
started that looks for its program: an engine that gets so far works.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import time
from collections.abc import Iterator, Mapping

import docker
import pytest
import requests

from bot.errors import SandboxError

ANSWER = 30
"""Seconds in which an engine answers a request of the question, on however busy a machine."""
IN_A_ROW = 3
"""Tests that need an engine and fail after a long wait, one after the other: whatever the cause, the others would
do the same."""
WAIT = 60
"""Seconds of such a wait, where the test's own time-out does not end it: of an engine's client, or a subprocess.
What fails otherwise, however late, is a matter of that test alone."""
ERRORS = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)


class Guard:
    """What is known of the engine in this process."""

    def __init__(self) -> None:
        self.asked = False
        self.trouble = ""
        self.late: list[str] = []
        self.last: BaseException | None = None

    def before(self) -> None:
        """Fails a test that needs an engine where none works."""
        if not self.asked and not self.trouble:
            self.asked, self.trouble = True, trouble(os.environ)
        if self.trouble:
            pytest.fail(self.trouble, pytrace=False)

    def after(self, name: str, problem: BaseException | None, seconds: float) -> None:
        """Takes note of how such a test ended."""
        if problem is not None and problem is self.last:
            return  # of a fixture that several tests share: it failed once
        self.last = problem
        waited = seconds >= WAIT and isinstance(problem, (SandboxError, *ERRORS))
        if not waited and "from pytest-timeout" not in str(problem):
            self.late.clear()
            return
        self.asked = False
        self.late.append(name)
        if len(self.late) >= IN_A_ROW and not self.trouble:
            names = ", ".join(self.late)
            self.trouble = f"not run: {len(self.late)} tests in a row failed after long waits ({names})"


def trouble(environ: Mapping[str, str]) -> str:
    """Why no container can be run; '' where one gets as far as its program, which is none."""
    name = f"tryline-probe-{os.getpid()}"
    made: str | None = None
    began = time.monotonic()
    try:
        with contextlib.closing(docker.from_env(timeout=ANSWER, environment=dict(environ))) as client:
            try:
                client.api.import_image_from_data(empty(), repository=name, tag="latest")
                made = client.api.create_container(f"{name}:latest", ["/there-is-none"], network_disabled=True)[
                    "Id"
                ]
                client.api.start(made)
            except docker.errors.APIError as error:
                # What an engine says that looked for the program, in its own words or in its runtime's.
                return "" if "no such file" in str(error).lower() else told(error, began)
            finally:
                if made is not None:
                    client.api.remove_container(made, force=True)
                client.api.remove_image(f"{name}:latest", force=True)
    except ERRORS as error:
        return told(error, began)
    return "no engine works: it ran a program that does not exist"


def empty() -> bytes:
    """The archive of a file system without files."""
    out = io.BytesIO()
    tarfile.open(fileobj=out, mode="w").close()
    return out.getvalue()


def told(error: BaseException, began: float) -> str:
    """One message for all tests."""
    words = " ".join(str(error).split())[:500]
    return f"no engine works ({words}, after {time.monotonic() - began:.0f} s); run `make engine`"


_GUARD = Guard()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the fixtures of a test, which would need the engine already."""
    if item.get_closest_marker("engine"):
        _GUARD.before()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """After each part of a test."""
    if item.get_closest_marker("engine") and (call.when == "call" or call.excinfo is not None):
        _GUARD.after(item.nodeid, call.excinfo.value if call.excinfo is not None else None, call.duration)
    return (yield)
