"""One real vLLM server for all live tests."""

from __future__ import annotations

import socket
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from vllm_server import CONTEXT, KEY, MODEL, Server, make_weights, start, stop, tail, wait_for

LOG = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the whole session; its log is shown when it ends by itself."""
    folder = tmp_path_factory.mktemp("vllm")
    weights = make_weights(folder / "model")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = request.session.stash[LOG] = folder / "vllm.log"
    process = start(weights, port, log)
    try:
        wait_for(process, port, log)
        yield Server(f"http://127.0.0.1:{port}/v1", KEY, MODEL, CONTEXT, weights)
        if process.poll() is not None:
            pytest.fail(f"vLLM ended with {process.returncode} while it was used:\n{tail(log)}")
    finally:
        stop(process)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A live test that fails shows what the server last said."""
    report = yield
    log = item.session.stash.get(LOG, None)
    if report.failed and log is not None and log.exists():
        report.sections.append(("vLLM's log", tail(log)))
    return report
