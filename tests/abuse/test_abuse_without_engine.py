"""The abuse suite's programs without an engine: what a container holds is held, but for what a case names."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import outside
import pytest
from cases import CASES
from engines import bubblewrap_backend, contents, prepared, printed
from test_sandbox_abuse import FILES, LIMITS, PROGRAMS, hostile, told

from bot.sandboxes.bubblewrap.launch import Identity

pytestmark = pytest.mark.engine

TIERS = {"bubblewrap": None, "bubblewrap, one user": Identity("one", "no subordinate ids")}
NEXT = "import shop; print(shop.price(4))"


@pytest.fixture(scope="module", params=TIERS)
def tried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What all programs managed, what listeners on the host heard, and what the next job said."""
    folder = tmp_path_factory.mktemp("host")
    mark = folder / "mark.txt"
    mark.write_text("ours")
    mark.chmod(0o666)
    canaries = [secrets.token_hex(12) for _ in range(2)]
    environ = {**os.environ, "TRYLINE_ENDPOINT_KEY": canaries[0], "GITHUB_TOKEN": canaries[1]}
    backend = bubblewrap_backend(environ, spares=0, who=TIERS[request.param])
    with outside.listening(folder) as listeners:
        targets = {
            "addresses": listeners.addresses(),
            "tcp": listeners.tcp,
            "udp": listeners.udp,
            "vsock": listeners.vsock,
            "abstract": listeners.abstract,
            "path": listeners.path,
            "files": [str(path) for path in (mark, folder, Path(__file__), Path.cwd())],
            "canary": [word[::-1] for word in canaries],
        }
        with backend.open(prepared(backend), contents(FILES), LIMITS) as box:
            # One after the other: where all are one user, each may kill those beside it.
            jobs = {case.name: hostile(case.program, targets) for case in PROGRAMS}
            did = {name: told(box.ask(job, seconds=120)) for name, job in jobs.items()}
            after = printed(box, NEXT)
        heard = list(listeners.heard)
    backend.close()
    yield {"tier": request.param, "did": did, "heard": heard, "after": after, "mark": mark.read_text()}


def test_what_it_does_not_hold_is_named(tried: dict[str, Any]) -> None:
    known = {case.name for case in CASES if tried["tier"] in case.not_on}
    assert {name: what for name, what in tried["did"].items() if what != [] and name not in known} == {}
    assert {name for name in known & set(tried["did"]) if tried["did"][name] == []} == set(), "it does hold"


def test_nothing_arrived_and_the_next_job_is_unharmed(tried: dict[str, Any]) -> None:
    assert (tried["heard"], tried["mark"], tried["after"]) == ([], "ours", "8")
