"""The tiny model learns from what the product really says: its tasks hide what traces tell, its texts are ours."""

from __future__ import annotations

import json
import re
import struct
import sys
import types
from functools import partial
from pathlib import Path

import pytest
from engines import docker_backend
from servers import Scripted, ToyServer

from bench.tiny_model import corpus, tasks
from bench.tiny_model.tasks import Task
from bot import brief, prompts
from bot.detectors.tests import FailingTests
from bot.domain import Limits
from bot.endpoints.openai import OpenAI
from bot.languages.python.language import Python
from bot.problems.arms import Arm
from bot.problems.forms import Problem
from bot.problems.trying import Model, Workshop, observed, searched
from bot.progress import Silent
from bot.steps import propose
from bot.steps.propose.writing import Guidance
from bot.trial import Lab

MODEL = Path(corpus.__file__).parent / "model"
TASKS = tasks.tasks(5, 60)


def outcomes(task: Task, source: str, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each test of a task passes with a version, the visible one first. Our own text, run here."""
    module = types.ModuleType("solution")
    exec(source, module.__dict__)
    monkeypatch.setitem(sys.modules, "solution", module)
    found = []
    for text in (task.visible, task.hidden):
        space: dict[str, object] = {}
        exec(text, space)
        for name in [name for name in space if name.startswith("test_")]:
            try:
                space[name]()
                found.append(True)
            except Exception:
                found.append(False)
    return found


def test_every_task_fails_as_given_and_has_one_right_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in TASKS:
        good, bad = (text.split("\n")[task.line - 1] for text in (task.good, task.bad))
        passing = [line for line in task.others if all(outcomes(task, task.good.replace(good, line), monkeypatch))]
        assert passing == [good]
        assert not outcomes(task, task.bad, monkeypatch)[0]
        assert bad in task.others


def test_equal_seeds_give_equal_texts_and_others_do_not() -> None:
    def texts(seed: int) -> str:
        return json.dumps([list(corpus.examples(seed, 10, form)) for form in corpus.FORMS])

    assert texts(3) == texts(3)
    assert texts(3) != texts(4)


def test_only_a_trace_tells_which_key_is_right() -> None:
    for task in TASKS:
        if task.family != "key":
            continue
        (key,) = re.findall(r'record\["(\w+)"\]', task.good)
        bad = task.bad.split("\n")[task.line - 1]
        wrong = next(line for line in task.others if line not in (task.good.split("\n")[task.line - 1], bad))
        assert key not in prompts.task(corpus.brief_of(task))
        assert key in corpus.evidence_of(task, [(wrong, task.bad.replace(bad, wrong))])


def test_nothing_counts_for_more_where_nothing_tells() -> None:
    for row in corpus.examples(9, 40, "full"):
        prompt = "".join(text for text, weight in row["parts"] if weight == "prompt")
        tells = 'label="execution"' in prompt or "solve(xs" in prompt
        assert tells == any(weight == "hot" for _, weight in row["parts"])


def test_the_committed_weights_are_what_the_readme_says() -> None:
    config = json.loads((MODEL / "config.json").read_text())
    with (MODEL / "model.safetensors").open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        head = json.loads(file.read(size))
    shapes = [entry["shape"] for name, entry in head.items() if name != "__metadata__"]
    count = sum(shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in shapes)
    assert {entry["dtype"] for name, entry in head.items() if name != "__metadata__"} == {"F16"}
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert f"{count:,} parameters" in (MODEL.parent / "README.md").read_text()
    assert (MODEL / "model.safetensors").stat().st_size < 4 << 20


@pytest.mark.engine
def test_training_texts_are_the_products_own_byte_for_byte() -> None:
    lab = Lab(docker_backend(), Limits())
    search = propose.Settings(candidates=8, seconds=20.0)
    for task in tasks.tasks(1, 3):
        good = task.good.split("\n")[task.line - 1]
        answers = [task.good.replace(good, line) + "```" for line in task.others if line != good][:4]
        with ToyServer(Scripted([(".*", answers)], fade=1.0)) as server:
            endpoint = OpenAI(server.url, "toy", None)
            shop = Workshop(lab, Python(), (FailingTests(),), (), Model(partial(reopened, endpoint), len), search)
            ground = observed(shop, Problem(task.id, "solve", task.bad, task.visible, task.hidden), Silent())
            told = brief.brief_of(
                ground.function,
                shop.language,
                task.bad,
                ground.side.files,
                ground.finding,
                ground.evidence,
                ground.finding.witness.tests,
            )
            assert prompts.task(corpus.brief_of(task)) == prompts.task(told)
            guidance = Guidance(rungs=("plain", "self-debug", "line-guided"), signal_tokens=4000)
            searched(shop, ground, Arm("ladder", "", guidance, restarts=False), 0, "", Silent())
            sent = [body["prompt"] for body in server.asked("/completions")]
            texts = [server.tokenizer.exact(ids) for ids in sent if ids and isinstance(ids[0], int)]
        blocks = {
            block
            for text in texts
            for block in re.findall(r"<data-(\w+) label=\"execution\">\n(.*?)\n</data-\1>", text, re.DOTALL)
        }
        assert blocks
        for digest, block in blocks:
            lines = candidates(block)
            bad = task.bad.split("\n")[task.line - 1]
            versions = [
                (text, text + "\n" if text.startswith("def") else task.bad.replace(bad, text)) for text in lines
            ]
            assert f"<data-{digest}" in corpus.evidence_of(task, versions), block


def reopened(endpoint: OpenAI) -> OpenAI:
    """One client for all cells."""
    return endpoint


def candidates(block: str) -> list[str]:
    """The lines of each candidate of a block."""
    pattern = r"^candidate \d+: [^\n]*\n(.*?)\n(?:failure: |tests: |call\()"
    return re.findall(pattern, block, re.DOTALL | re.MULTILINE)
