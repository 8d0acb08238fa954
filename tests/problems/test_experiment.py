"""The experiment end to end: real containers, a real server on loopback, and what is held back stays so."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from engines import docker_backend
from servers.models import Scripted
from servers.toy import ToyServer

from bot.detectors.tests import FailingTests
from bot.domain import Image, Limits
from bot.endpoints import Endpoint, Request
from bot.endpoints.edits import Edits
from bot.endpoints.fallback import Fallback
from bot.endpoints.metered import Allowance, Ledger, Metered
from bot.endpoints.openai.client import OpenAI
from bot.errors import EndpointError, ExitCode, SandboxError, UsageError
from bot.languages.python.language import Python
from bot.problems import command, forms
from bot.problems.arms import ARMS, choose
from bot.problems.experiment import Plan
from bot.problems.journal import read
from bot.problems.placebo import Donor
from bot.problems.sets import load
from bot.problems.trying import Model, Workshop, observed
from bot.progress import Silent
from bot.sandboxes import Backend, Sandbox
from bot.sandboxes.docker.backend import Docker
from bot.signal import Counter
from bot.steps import propose
from bot.trial import Lab

SEARCH = propose.Settings(candidates=60, seconds=120.0)
TOTAL = {
    "id": "total",
    "function": "total",
    "module": 'def total(items):\n    """Sum of the items."""\n    found = 0\n    for item in items:\n'
    "        found -= item\n    return found\n",
    "reference": "def total(items):\n    return sum(items)  # SECRET-REFERENCE\n",
    "visible": "from solution import total\n\ndef test_two():\n    assert total([1, 2]) == 3\n",
    "hidden": "from solution import total\n\ndef test_b():\n    assert total([7, 70]) == 77, 'SECRET-HIDDEN'\n",
}
TWICE = {
    "id": "twice",
    "function": "twice",
    "module": 'def twice(x):\n    """Two times x."""\n    raise NotImplementedError\n',
    "reference": "def twice(x):\n    return 2 * x  # SECRET-REFERENCE\n",
    "visible": "from solution import twice\n\ndef test_two():\n    assert twice(2) == 4\n",
    "hidden": "from solution import twice\n\ndef test_secret():\n    assert twice(5) == 10, 'SECRET-HIDDEN'\n",
}
WRONG_TEST = {**TOTAL, "id": "wrong-test", "hidden": TOTAL["hidden"].replace("77", "78")}
TOTAL_RIGHT = 'def total(items):\n    """Sum of the items."""\n    return sum(items)\n```'
TWICE_OVERFIT = 'def twice(x):\n    """Two times x."""\n    return x + 2\n```'


@pytest.fixture(scope="module")
def backend() -> Docker:
    return docker_backend()


def shop(backend: Backend, model: Model | None = None, search: propose.Settings = SEARCH) -> Workshop:
    return Workshop(
        Lab(backend, Limits()), Python(), (FailingTests(),), (Edits(seed=0),), model, search, suite_seconds=60
    )


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(wish: command.Asked, made: Workshop, endpoint: Endpoint | None = None) -> tuple[int, str]:
    out = io.StringIO()
    code = command.run(wish, made, endpoint, {"tokens_in": 60_000}, "test", out, Silent())
    return code, out.getvalue()


@pytest.mark.engine
def test_two_problems_with_built_in_edits_and_two_seeds_resumed(backend: Docker, tmp_path: Path) -> None:
    problems = written(tmp_path / "set.jsonl", TOTAL, WRONG_TEST)
    wish = command.Asked(problems, tmp_path / "run.jsonl", ("edits",), seeds=2, report=tmp_path / "report.md")
    code, said = run(wish, shop(backend))
    assert code == ExitCode.OK
    record = read(tmp_path / "run.jsonl")
    assert record.excluded == {"wrong-test": "its own solution fails the tests that are held back"}
    assert [(cell.problem, cell.visible, cell.hidden, cell.failure) for cell in record.cells] == [
        ("total", True, True, "")
    ] * 2
    cell = record.cells[0]
    assert cell.submitted and cell.rung == "line-guided" and cell.stopped == "found"
    assert 0 < cell.executions <= SEARCH.candidates and cell.requests == 0
    assert "| edits | 100.0% [2.5, 100.0]" in said and said == (tmp_path / "report.md").read_text()
    before = (tmp_path / "run.jsonl").read_bytes()
    assert run(wish, shop(backend)) == (code, said)
    assert (tmp_path / "run.jsonl").read_bytes() == before, "nothing was left to run"


class Broken:
    """A backend whose containers do not start."""

    name = "broken"
    containers = 0

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.prepare, self.describe = inner.prepare, inner.describe
        self.diagnose, self.clean = inner.diagnose, inner.clean

    def open(self, image: Image, tree: bytes, limits: Limits) -> AbstractContextManager[Sandbox]:
        raise SandboxError("no space left", slug="container-create")


@pytest.mark.engine
def test_a_failure_of_the_engine_is_no_answer_and_is_tried_again(backend: Docker, tmp_path: Path) -> None:
    wish = command.Asked(written(tmp_path / "set.jsonl", TOTAL), tmp_path / "run.jsonl", ("edits",))
    code, said = run(wish, shop(Broken(backend)))
    assert code == ExitCode.COULD_NOT and "No problem has an answer" in said
    failed = read(tmp_path / "run.jsonl").cells[0]
    assert failed.failure == "container-create: no space left" and not failed.hidden
    code, said = run(wish, shop(backend))
    assert code == ExitCode.OK and "| edits | 100.0%" in said
    assert [cell.failure for cell in read(tmp_path / "run.jsonl").cells] == [""]


@contextmanager
def served(rules: list[tuple[str, list[str]]]) -> Iterator[tuple[ToyServer, Callable[[], Endpoint]]]:
    """A scripted model on loopback, and what opens an endpoint with one cell's allowance."""
    with ToyServer(Scripted(rules)) as server:
        client = OpenAI(server.url, "toy", None, retries=0)
        allowance = Allowance(tokens_in=60_000, tokens_out=6_000, requests=120)
        yield server, lambda: Metered(client, Ledger(), allowance)


@pytest.mark.engine
def test_arms_with_a_model_keep_to_one_budget_and_are_told_nothing_held_back(
    backend: Docker, tmp_path: Path
) -> None:
    arms = ("self-debug", "cfg-1.5")
    wish = command.Asked(written(tmp_path / "set.jsonl", TOTAL, TWICE), tmp_path / "run.jsonl", arms)
    rules = [("def twice", [TWICE_OVERFIT]), ("def total", [TOTAL_RIGHT])]
    with served(rules) as (server, opened):
        code, said = run(wish, shop(backend, Model(opened, Counter(opened()))), opened())
        asked = [str(row.body) for row in server.requests]
    assert code == ExitCode.OK, said
    cells = read(tmp_path / "run.jsonl").cells
    assert len(cells) == 2 * len(arms) and not any(cell.failure for cell in cells)
    for cell in cells:
        assert (cell.visible, cell.hidden) == (True, cell.problem == "total"), cell
        assert 0 < cell.tokens_in <= 60_000 and 0 < cell.tokens_out <= 6_000 and 0 < cell.requests <= 120
    assert {cell.rung for cell in cells if cell.arm == "self-debug"} == {"plain"}
    assert {cell.rung for cell in cells if cell.arm == "cfg-1.5"} == {"line-guided"}
    assert "| cfg-1.5 | 50.0%" in said and "`best-of-n` and `placebo` did not run beside `cfg-1.5`" in said
    assert not any("SECRET" in body for body in asked), "what is held back reached the model"
    assert any("test_two" in body for body in asked)


@pytest.mark.engine
def test_the_placebo_is_the_signal_of_another_problem(backend: Docker) -> None:
    with served([("", ["x"])]) as (_, opened):
        made = shop(backend, Model(opened, Counter(opened())))
        problems = [forms.read(row) for row in (TOTAL, TWICE)]
        donor = Donor(made, problems, lambda problem: observed(made, problem, Silent()))
        blocks = donor.blocks(problems[1])
        count = made.model.count if made.model is not None else len
        sizes = [count(block) for block in blocks]
        assert donor.blocks(problems[1]) == blocks
    # Traces of `total`, as a search shows them: values that its variables took, no more than the budget.
    assert "found" in blocks[-1] and "item" in blocks[-1]
    for block in blocks:
        assert "twice" not in block and "SECRET-HIDDEN" not in block
        # Of what failed, beside nothing that passes: searches of a set have no version to compare with.
        assert "raises" in block and "passes all" not in block and "reference" not in block
    # One candidate more each time: one of them is about as long as any signal.
    assert [block.count("\ncandidate ") for block in blocks] == list(range(1, len(blocks) + 1))
    assert len(blocks) > 2 and sizes == sorted(sizes) and sizes[0] > 50 and sizes[-1] <= 1500


@pytest.mark.engine
def test_an_arm_goes_on_until_its_budget_ends_and_no_further(backend: Docker, tmp_path: Path) -> None:
    wish = command.Asked(
        written(tmp_path / "set.jsonl", TWICE), tmp_path / "run.jsonl", ("single", "best-of-n", "self-debug")
    )
    wrong = [f'def twice(x):\n    """Two times x."""\n    return x - {n}\n```' for n in range(40)]
    with served([("def twice", wrong)]) as (_, opened):
        code, _ = run(wish, shop(backend, Model(opened, Counter(opened()))), opened())
    assert code == ExitCode.OK
    cells = {cell.arm: cell for cell in read(tmp_path / "run.jsonl").cells}
    assert not any(cell.submitted for cell in cells.values())
    assert cells["single"].stopped == "exhausted"
    for arm in ("best-of-n", "self-debug"):
        assert cells[arm].stopped in ("tokens", "candidates"), cells[arm]
        assert cells[arm].tokens_in + cells[arm].tokens_out > 3 * (
            cells["single"].tokens_in + cells["single"].tokens_out
        )
        assert cells[arm].tokens_out <= 6_000 and cells[arm].executions <= SEARCH.candidates + 10


@pytest.mark.engine
def test_a_dead_endpoint_ends_the_run_and_is_no_wrong_answer(backend: Docker, tmp_path: Path) -> None:
    wish = command.Asked(written(tmp_path / "set.jsonl", TWICE), tmp_path / "run.jsonl", ("single",))
    with served([("def twice", [TWICE_OVERFIT])]) as (server, opened):
        endpoint = opened()
        assert endpoint.capabilities.tier == "A"
        model = Model(opened, Counter(None))
        server.__exit__(None, None, None)
        with pytest.raises(EndpointError):
            run(wish, shop(backend, model), endpoint)
    failed = read(tmp_path / "run.jsonl").cells
    assert [bool(cell.failure) for cell in failed] == [True]


@pytest.mark.engine
def test_an_endpoint_that_died_in_another_cell_is_no_wrong_answer(backend: Docker, tmp_path: Path) -> None:
    # Cells share what knows that no server is left: a search is refused then before it has asked anything.
    wish = command.Asked(written(tmp_path / "set.jsonl", TWICE), tmp_path / "run.jsonl", ("cfg-1.5",))
    with served([("def twice", [TWICE_OVERFIT])]) as (server, opened):
        can = opened()
        assert can.capabilities.tier == "A"
        shared = Fallback([opened()])
        server.__exit__(None, None, None)
        with pytest.raises(EndpointError):
            shared.send(Request("complete", prompts=("x",), max_tokens=1))
        with pytest.raises(EndpointError):
            run(wish, shop(backend, Model(lambda: shared, Counter(None))), can)
    cells = read(tmp_path / "run.jsonl").cells
    assert [cell.failure.partition(":")[0] for cell in cells] == ["endpoint-unreachable"]


def test_the_order_is_shuffled_and_the_same_each_time(tmp_path: Path) -> None:
    problems = load(written(tmp_path / "set.jsonl", *({**TOTAL, "id": f"t{i}"} for i in range(20))))
    plan = Plan(problems, (ARMS["edits"], ARMS["single"]), (0, 1))
    order = [(problem.id, arm.name, seed) for problem, arm, seed in plan.cells()]
    assert order == [(p.id, a.name, s) for p, a, s in replace(plan, workers=4).cells()]
    in_turn = [(p.id, a.name, s) for p in problems.problems for a in plan.arms for s in plan.seeds]
    assert sorted(order) == sorted(in_turn) and order != in_turn and len(set(order)) == 80
    # Both arms are spread over the whole run.
    assert 10 < sum(arm == "edits" for _, arm, _ in order[:40]) < 30


def test_arms_that_cannot_run_are_refused_or_left_out(tmp_path: Path) -> None:
    chosen = choose((), None)
    assert [arm.name for arm in chosen.arms] == ["edits"]
    assert "needs a model endpoint" in chosen.left_out["single"]
    for names, said in ((("cfg-1.5",), "cannot run"), (("magic",), "there is no arm")):
        with pytest.raises(UsageError, match=said):
            choose(names, None)


def test_the_flags_become_what_is_asked(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    given = [
        "set.jsonl",
        "--output",
        "o.jsonl",
        "--arms",
        "single, edits",
        "--seeds",
        "3",
        "--limit",
        "5",
        "--plot",
        "p.svg",
    ]
    asked = command.asked(parser.parse_args(given))
    assert asked == command.Asked(
        Path("set.jsonl"), Path("o.jsonl"), ("single", "edits"), 3, limit=5, plot=Path("p.svg")
    )
