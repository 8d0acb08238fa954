"""Stories: a repository is audited, again and again; only what changed is run, and nothing is lost on the way."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from repositories import Repository
from servers.abilities import Abilities
from servers.models import Scripted
from servers.toy import ToyServer
from telling import TESTS_ALONE, Files, environ

from bot import cli
from bot.audit_state import State
from bot.record import audit_from_json

pytestmark = [pytest.mark.engine, pytest.mark.thorough]
ROOT = Path(__file__).parents[2]

CART = '''\
"""A cart."""

LEAST = 10


def price(quantity, each):
    return quantity * each


def total(lines):
    found = 0
    for quantity, each in lines:
        found += price(quantity, each)
    return found


def discounted(lines, percent):
    if percent > LEAST:
        return total(lines) * (100 - percent) // 100
    return total(lines)


def shown(amount):
    return f"{amount / 100:.2f}"
'''
TEST_CART = """\
from shop.cart import discounted, shown, total


def test_total():
    assert total([(2, 3), (1, 4)]) == 10


def test_least_discount():
    assert discounted([(1, 100)], 10) == 90


def test_no_discount():
    assert discounted([(1, 100)], 9) == 100


def test_shown():
    assert shown(1234) == "12.34"
"""
SHOP: Files = {"shop/__init__.py": "", "shop/cart.py": CART, "tests/test_cart.py": TEST_CART}
RIGHT = CART.replace("percent > LEAST", "percent >= LEAST")


@dataclass(frozen=True)
class Audited:
    """What one audit gave."""

    code: int
    value: Mapping[str, Any]
    said: str

    def who(self, attention: str) -> set[str]:
        """Names of the functions of which the audit says this."""
        return {row["function"] for row in self.value["functions"] if row["attention"] == attention}

    @property
    def standing(self) -> list[tuple[str, str]]:
        """(function, how it stands) of each finding."""
        names = [item["function"] for item in self.value["review"]["findings"]]
        return [(name, row["standing"]) for name, row in zip(names, self.value["findings"], strict=True)]

    @property
    def executions(self) -> int:
        """Runs of a suite or a candidate."""
        return int(self.value["review"]["costs"]["executions"])


class Owner:
    """Somebody with a repository that is audited, and the file that audits keep."""

    def __init__(self, folder: Path) -> None:
        self.repo = Repository(folder / "project")
        self.state = folder / "state" / "audit.sqlite"

    def argv(self, *more: str) -> list[str]:
        """The command."""
        where = ["--repo", str(self.repo.path), "--state", str(self.state)]
        return ["audit", *where, "--format", "json", "--no-color", "--set", "audit.workers=1", *more]

    def audit(self, *more: str, env: Mapping[str, str] | None = None) -> Audited:
        """One audit, its JSON valid and the same after it was read."""
        out, err = io.StringIO(), io.StringIO()
        code = cli.run(self.argv(*more), cli.Terminal(out, err, {**environ(), **(env or {})}))
        assert out.getvalue(), err.getvalue()
        value = json.loads(out.getvalue())
        schema = json.loads((ROOT / "docs/audit.schema.json").read_text("utf-8"))
        jsonschema.Draft202012Validator(schema).validate(value)
        read = audit_from_json(value)
        assert [item.item.finding.id for item in read.findings] == [row["id"] for row in value["findings"]]
        return Audited(code, value, err.getvalue())


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path)


@pytest.mark.timeout(400)
def test_over_the_weeks(owner: Owner) -> None:
    """One repository, audited after each of its changes: what is run each time is what had to be."""
    owner.repo.commit(SHOP)
    first = owner.audit()
    assert first.who("audited") == {"price", "total", "discounted", "shown"}
    assert first.standing == [("discounted", "new")], first.said
    (found,) = first.value["review"]["findings"]
    assert (found["rule"], found["suggestion"]["replacement"]) == (
        "tests/failing",
        "    if percent >= LEAST:\n",
    )

    again = owner.audit()
    assert again.who("unchanged") == first.who("audited")
    assert (again.executions, again.standing) == (0, [("discounted", "still")])
    assert again.value["review"]["findings"][0]["suggestion"] == found["suggestion"]

    owner.repo.commit({"README.md": "a shop\n"})
    docs = owner.audit()
    assert docs.who("unchanged") == first.who("audited"), docs.said
    assert docs.executions >= 1, "whether tests read the new file is seen by running them"

    owner.repo.commit({"shop/cart.py": CART.replace("amount / 100", "amount / 100.0")})
    edited = owner.audit()
    assert edited.who("audited") == {"shown", "discounted"}, "a finding stands for the text of its file alone"
    assert edited.standing == [("discounted", "still")]

    mended = RIGHT.replace("amount / 100", "amount / 100.0")
    owner.repo.commit({"shop/cart.py": mended})
    fixed = owner.audit()
    assert fixed.who("audited") == {"discounted"}
    assert (fixed.code, fixed.standing, fixed.value["review"]["conclusion"]) == (0, [], "clean")
    assert [(row["function"], row["since"]) for row in fixed.value["fixed"]] == [
        ("shop/cart.py::discounted", first.value["when"])
    ]

    mended = mended.replace("return quantity * each", "return each * quantity")
    owner.repo.commit({"shop/cart.py": mended})
    callee = owner.audit()
    assert callee.who("audited") == {"price", "total", "discounted"}, "who calls it, by way of others too"
    assert callee.value["fixed"] == [], "told once"

    owner.repo.commit({"tests/test_cart.py": TEST_CART.replace('1234) == "12.34"', '4321) == "43.21"')})
    tested = owner.audit()
    assert tested.who("audited") == {"shown"}

    owner.repo.commit({"shop/cart.py": mended.partition("\n\ndef shown")[0], "tests/test_cart.py": None})
    gone = owner.audit()
    assert "shown" not in {row["function"] for row in gone.value["functions"]}


def test_whose_turn_does_not_come_is_listed_and_comes_first_next_time(owner: Owner) -> None:
    owner.repo.commit({**SHOP, "shop/cart.py": RIGHT})
    first = owner.audit("--budget", "functions=3")
    assert len(first.who("audited")) == 3
    (left,) = first.who("over-budget")
    assert not first.value["complete"]
    assert first.value["review"]["conclusion"] == "neutral"
    # Everybody's text changes: the one who waited is still the first.
    owner.repo.commit({"shop/cart.py": RIGHT.replace("LEAST = 10", "LEAST = 10 + 0")})
    second = owner.audit("--budget", "functions=1")
    assert second.who("audited") == {left}


@pytest.mark.timeout(400)
def test_a_killed_audit_goes_on_where_it_was(owner: Owner) -> None:
    """Every file is a task: after some of them the whole process group is killed."""
    files: Files = {f"shop/part{n}.py": f"def part{n}(x):\n    return x + {n}\n" for n in range(30)}
    lines = "".join(f"from shop.part{n} import part{n}\n" for n in range(30))
    test = f"{lines}\n\ndef test_parts():\n    assert part1(1) == 2\n"
    owner.repo.commit({**files, "shop/__init__.py": "", "tests/test_parts.py": test})
    command = [sys.executable, "-m", "bot", *owner.argv()]
    env = {**os.environ, **TESTS_ALONE}
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        while written(owner.state) < 4:  # the last of them may not be committed yet
            assert process.poll() is None, "it was done before it could be killed"
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    with State.open(owner.state) as state:
        before = state.functions()
    assert 2 <= len(before) < 30
    resumed = owner.audit()
    assert "what they showed is at hand" in resumed.said, "the suite is not run again"
    assert len(resumed.who("audited")) == 30
    with State.open(owner.state) as state:
        after = state.functions()
    assert {name: after[name] for name in before} == before, "what was done is not done again"
    assert owner.audit().executions == 0


def written(state: Path) -> int:
    """How many results the file holds. It is locked, so a copy is asked; one made in the middle of a write may not
    open."""
    if not state.exists():
        return 0
    copy = state.with_name("copy.sqlite")
    copy.write_bytes(state.read_bytes())
    try:
        with contextlib.closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as opened:
            (count,) = opened.execute("SELECT count(*) FROM functions").fetchone()
    except sqlite3.DatabaseError:
        return 0
    return int(count)


def test_a_state_that_is_none_of_ours_stops_the_audit(owner: Owner) -> None:
    owner.repo.commit(SHOP)
    owner.state.parent.mkdir()
    owner.state.write_text("mine")
    out, err = io.StringIO(), io.StringIO()
    assert cli.run(owner.argv(), cli.Terminal(out, err, environ())) == 2
    assert "state-invalid" in err.getvalue()
    assert owner.state.read_text() == "mine"


SHORT = '''\
def shorten(text, width):
    """The text, cut to `width` characters with an ellipsis where it is longer; one that fits is left alone."""
    if len(text) < width:
        return text
    return text[: width - 1] + "…"
'''
KEY = "sk-audits-1234567"


@pytest.mark.timeout(400)
def test_a_model_is_asked_by_way_of_the_process_that_has_its_key(owner: Owner) -> None:
    """The task's process has no key, no address: what it finds shows that it could ask all the same."""
    right = SHORT.replace("< width", "<= width")
    named = {
        "category": "correctness",
        "severity": "high",
        "line": 3,
        "title": "Texts that just fit are cut",
        "explanation": "A text of just the width is left alone.",
        "witness": {"kind": "call", "call": "shorten('abcd', 4)", "expected": "'abcd'", "code": "", "raises": ""},
        "fixed": right,
    }
    tests = "from short import shorten\n\n\ndef test_short():\n    assert shorten('ab', 5) == 'ab'\n"
    owner.repo.commit({"short.py": SHORT, "test_short.py": tests})
    answers = [("You review one", [json.dumps({"problems": [named]})]), ("", [f"```python\n{right}```\n"])]
    chatty = Abilities(
        style="openai", completions=False, chat_logprobs=0, tokenize=False, continuing="", schema=""
    )
    with ToyServer(Scripted(answers), chatty, key=KEY) as server:
        found = owner.audit("--endpoint", server.url, env={"TRYLINE_ENDPOINT_KEY": KEY})
        assert KEY not in json.dumps(found.value) + found.said
        (finding,) = found.value["review"]["findings"]
        assert (finding["rule"], finding["suggestion"]["replacement"]) == (
            "model/correctness",
            "    if len(text) <= width:\n",
        )
        assert found.value["review"]["costs"]["usage"]["requests"] > 0
        asked = len(server.requests)
        again = owner.audit("--endpoint", server.url, env={"TRYLINE_ENDPOINT_KEY": KEY})
    assert (again.executions, again.standing, len(server.requests)) == (0, [("shorten", "still")], asked)


def test_only_what_lies_there(owner: Owner) -> None:
    owner.repo.commit({**SHOP, "shop/cart.py": RIGHT, "shop/other.py": "def other(x):\n    return x\n"})
    assert owner.audit("shop/other.py").who("audited") == {"other"}
    whole = owner.audit()
    assert whole.who("audited") == {"price", "total", "discounted", "shown"}
    assert whole.who("unchanged") == {"other"}
