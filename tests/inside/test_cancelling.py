"""The fork server told that nobody waits any more: the queue is dropped, what runs is ended, each is answered."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from processes import Json, project, serving

SOURCE = "def price(n):\n    return n * 2\n"
FILES = {"shop.py": SOURCE, "test_shop.py": "import shop\n\ndef test_two():\n    assert shop.price(2) == 4\n"}
UNIT = {"file": "shop.py", "line": 1, "name": "price", "classes": [], "source": SOURCE, "target_path": []}
SLOW = "def price(n):\n    import time\n    time.sleep(50)\n    return n * 2\n"


def trial(source: str, seconds: float = 60) -> Json:
    tests = ["test_shop.py::test_two"]
    return {"kind": "trial", "source": source, "tests": tests, "seconds": seconds, "step_limit": 5000}


@pytest.mark.thorough
def test_what_waits_and_what_runs_is_ended_and_the_next_question_is_answered_at_once(
    home: Path, tmp_path: Path
) -> None:
    with serving(home, project(tmp_path / "repo", FILES), width=2) as server:
        server.ask({"kind": "arm", "unit": UNIT})
        kept = server.send(trial(SLOW, seconds=2))
        unwanted = [server.send(trial(SLOW)) for _ in range(6)]
        time.sleep(0.5)  # one of them runs
        began = time.monotonic()
        server.send({"kind": "cancel", "jobs": unwanted})
        answers = [server.answer(number) for number in unwanted]
        assert time.monotonic() - began < 20, "they would run for 50 s"
        assert sum(answer.get("killed", False) for answer in answers) == 1
        assert sum(answer.get("error") == "cancelled" for answer in answers) == 5
        assert server.ask(trial(SOURCE))["rows"][0][1] == "passed"
        assert server.answer(kept)["killed"] is True, "what was not named runs to its own end"


def test_what_is_over_can_be_cancelled_without_harm(home: Path, tmp_path: Path) -> None:
    with serving(home, project(tmp_path / "repo", FILES), width=2) as server:
        server.ask({"kind": "arm", "unit": UNIT})
        number = server.send(trial(SOURCE))
        assert server.answer(number)["status"] == "ran"
        server.send({"kind": "cancel", "jobs": [number, 4000]})
        assert server.ask(trial(SOURCE))["rows"][0][1] == "passed"
