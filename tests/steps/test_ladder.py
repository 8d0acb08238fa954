"""The ladder: each rung alone, all of them behind one gate, and what ends a climb."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from rewriting import ASKED, EDITS, IDLE, ROOMY, SETTINGS, Case, Workbench, by_lines, served, workbench
from servers import (
    HOSTED,
    LLAMA_CPP,
    PREFIXED,
    REASONING,
    TRANSFORMERS,
    Abilities,
    Fault,
    FaultyProxy,
    Scripted,
    Toy,
    refusal,
)

from bot.endpoints import Endpoint
from bot.endpoints.fallback import Fallback
from bot.endpoints.metered import Allowance, Ledger, Metered
from bot.endpoints.openai.client import OpenAI
from bot.steps.propose.ladder import Ladder
from bot.steps.propose.writing import Draft, Guidance

pytestmark = pytest.mark.engine

# No built-in edit makes a call out of a number.
TEXT = '''\
def spread(items):
    """How far apart the smallest and the largest are."""
    low = 0
    high = 0
    return high - low
'''
TESTS = """\
def test_two():
    assert spread([3, 5]) == 2


def test_three():
    assert spread([4, 9, 6]) == 5
"""
SPREAD = Case("spread", TEXT, TESTS)
RIGHT = TEXT.replace("low = 0", "low = min(items)").replace("high = 0", "high = max(items)")
WRONG = TEXT.replace("low = 0", "low = items[0]")
# Right at base, broken by the branch in the first two statements.
CHANGED = Case(
    "reach", TEXT.replace("spread", "reach"), TESTS.replace("spread", "reach"), RIGHT.replace("spread", "reach")
)
# A line that only a model mends, and one that a built-in edit mends.
BOTH = Case(
    "gap", TEXT.replace("spread", "gap").replace("high - low", "high + low"), TESTS.replace("spread", "gap")
)
TOTAL = Case(
    "total",
    "def total(items):\n    result = 0\n    for item in items:\n        result -= item\n    return result\n",
    "def test_some():\n    assert total([1, 2]) == 3\n\n\ndef test_one():\n    assert total([4]) == 4\n",
)
METHOD = Case(
    "shelf",
    """\
class Shelf:
    def __init__(self, items):
        self.items = items

    @property
    def most(self):
        return None
""",
    "def test_most():\n    assert Shelf([3, 5]).most == 5\n",
    qualname="Shelf.most",
)
ASYNC = Case(
    "later",
    "async def later(items):\n    return None\n",
    "def test_later():\n    import asyncio\n    assert asyncio.run(later([3, 5])) == 5\n",
)
GENERATOR = Case(
    "halves",
    "def halves(items):\n    yield None\n",
    "def test_halves():\n    assert list(halves([4, 6])) == [2, 3]\n",
)
WRAPPED = Case(
    "cached",
    "import functools\n\n\n@functools.lru_cache(maxsize=None)\ndef cached(item):\n    return None\n",
    "def test_cached():\n    assert cached(4) == 8\n",
)
CASES = (SPREAD, CHANGED, BOTH, TOTAL, METHOD, ASYNC, GENERATOR, WRAPPED)


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with workbench(*CASES) as made:
        yield made


def answer(code: str) -> str:
    return f"```python\n{code}```\n"


def model(*rules: tuple[str, list[str]]) -> Toy:
    """A scripted model that knows answers to rewrites; the probe's questions it answers as they come."""
    return Scripted([(f"(?s){ASKED}.*{pattern}", answers) for pattern, answers in rules], IDLE.next)


def only(*rungs: str, **more: object) -> Guidance:
    return replace(Guidance(rungs=rungs), **more)


# ------------------------------------------------------------------------------------------ each rung by itself


def test_a_plain_rewrite_is_one_greedy_answer(bench: Workbench) -> None:
    with served(model(("", [answer(RIGHT), answer(WRONG)]))) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("plain"))
        asked = endpoint.of("rewrite")
    assert [(c.source, c.rung, c.proposer) for c in search.candidates] == [
        (RIGHT, "plain", bench.writer(SPREAD, endpoint, Guidance()).name)
    ]
    assert [(request.n, request.temperature) for request in asked] == [(1, 0.0)]
    assert [(run.name, run.candidates, run.passed) for run in search.rungs] == [("plain", 1, 1)]
    assert search.stopped == "found"


def test_the_best_of_several_finds_what_the_greedy_answer_is_not(bench: Workbench) -> None:
    with served(model(("", [answer(WRONG), answer(RIGHT)]))) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("plain", "best-of-n", best_of=8))
    assert [(c.source, c.rung) for c in search.candidates] == [(RIGHT, "best-of-n")]
    assert [(run.name, run.passed) for run in search.rungs] == [("plain", 0), ("best-of-n", 1)]


def test_self_debug_is_told_what_the_attempt_did(bench: Workbench) -> None:
    rules = [("This attempt was run.*items\\[0\\].*assert -3 == 2.*low=3", [answer(RIGHT)]), ("", [answer(WRONG)])]
    with served(model(*rules)) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("plain", "self-debug"))
    assert [(c.source, c.rung) for c in search.candidates] == [(RIGHT, "self-debug")]
    assert [(run.name, run.passed) for run in search.rungs] == [("plain", 0), ("self-debug", 1)]


def test_line_by_line_goes_on_from_the_first_lines(bench: Workbench) -> None:
    # Whoever begins the function itself forgets the docstring, and with it all that is right.
    begun = TEXT[: TEXT.index("    low")]
    right = RIGHT.removeprefix(begun).splitlines(keepends=True)

    def lines(text: str) -> dict[str, float]:
        written = text.rpartition("```python\n")[2]
        if not written.startswith(begun):
            return {"def spread(items):\n": 1.0} if not written else {"    return 0\n": 0.5, "```\n": 0.5}
        return {(*right, "```\n")[min(written.count("\n") - 2, 3)]: 1.0}

    with served(by_lines(lines)) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("plain", "best-of-n", "line-guided"))
    assert [(c.source, c.rung, c.proposer) for c in search.candidates] == [
        (RIGHT, "line-guided", bench.writer(SPREAD, endpoint, Guidance()).name)
    ]
    assert [(run.name, run.passed) for run in search.rungs] == [("plain", 0), ("best-of-n", 0), ("line-guided", 1)]


WHY = "  # what the others are measured from, whatever they are, one by one\n"
LONG = RIGHT.replace("min(items)\n", f"min(items){WHY}").replace("max(items)\n", f"max(items){WHY}")


def test_token_by_token_mixes_both_branches(bench: Workbench) -> None:
    begun = TEXT[: TEXT.index("    low")]
    low, high, end = LONG.removeprefix(begun).splitlines(keepends=True)
    wrong = low.replace("min", "len")

    def lines(text: str) -> dict[str, float]:
        if text.endswith(begun):
            seen = "low = min(items)" in text.partition('label="execution"')[2].partition("</data-")[0]
            return {wrong: 0.52, low: 0.48} if seen else {wrong: 0.6, low: 0.4}
        if text.endswith((low, wrong)):
            return {high: 1.0}
        return {end: 1.0} if text.endswith(high) else {"```\n": 1.0}

    with served(by_lines(lines)) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("token-cfg", horizon=0, samples=8))
        assert not bench.search(SPREAD, endpoint, only("token-cfg", horizon=0, samples=8, gamma=1.0)).candidates
    assert [(c.source, c.rung) for c in search.candidates] == [(LONG, "token-cfg")]
    assert search.rungs[0].note.endswith(" tokens, 1 swayed by the signal")
    # Continuations that were run on the way are counted as well.
    assert search.rungs[0].passed == 1 and search.rungs[0].candidates >= 3


def test_the_built_in_edits_are_the_last_rung(bench: Workbench) -> None:
    with served(model(("", ["I cannot."]))) as (_, endpoint):
        search = bench.search(TOTAL, endpoint, only("plain", "best-of-n"), edits=EDITS)
    assert {(c.rung, c.proposer) for c in search.candidates} == {("line-guided", "edits")}
    assert [(run.name, run.candidates) for run in search.rungs] == [("plain", 0), ("best-of-n", 0)]
    assert all("an answer could not be used" in run.note for run in search.rungs)


# ----------------------------------------------------------------------------------------------------- together


def test_one_line_of_the_model_and_one_of_the_built_in_edits(bench: Workbench) -> None:
    begun = BOTH.head[: BOTH.head.index("    low")]
    known = ["    low = min(items)\n", "    high = max(items)\n", "    return high + low\n", "```\n"]

    def lines(text: str) -> dict[str, float]:
        return {known[min(text.rpartition("```python\n")[2].count("\n") - 2, 3)]: 1.0}

    assert begun.count("\n") == 2
    with served(by_lines(lines)) as (_, endpoint):
        search = bench.search(BOTH, endpoint, only("line-guided"), edits=EDITS)
        without = bench.search(BOTH, endpoint, only("line-guided"))
    right = RIGHT.replace("spread", "gap")
    assert right in [c.source for c in search.candidates]
    found = next(c for c in search.candidates if c.source == right)
    # An edit behind the model's lines: the version is the model's, and the edit is named.
    assert (found.rung, found.proposer) == ("line-guided", "toy") and "line-guided" not in found.edits
    assert not without.candidates
    assert not bench.search(BOTH, None, Guidance(), edits=EDITS).candidates


def test_without_base_a_passing_answer_is_put_to_a_vote(bench: Workbench) -> None:
    other = RIGHT.replace("high - low", "abs(high - low)")
    with served(model(("", [answer(RIGHT), answer(other)]))) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("plain", "best-of-n", "self-debug", "line-guided", best_of=8))
    assert [run.name for run in search.rungs] == ["plain", "best-of-n"]
    assert {(c.source, c.rung) for c in search.candidates} == {(RIGHT, "plain"), (other, "best-of-n")}


def test_with_base_the_first_that_convinces_is_enough(bench: Workbench) -> None:
    mended = CHANGED.head.replace("low = 0", "low = sorted(items)[0]").replace(
        "high = 0", "high = sorted(items)[-1]"
    )
    with served(model(("", [answer(mended)]))) as (_, endpoint):
        search = bench.search(CHANGED, endpoint, only("plain", "best-of-n"))
    assert [run.name for run in search.rungs] == ["plain"]
    assert [(c.source, c.rung) for c in search.candidates] == [(mended, "plain")]


# --------------------------------------------------------------------------------------------------- what passes

CHEATS = {
    "asks for the test": TEXT.replace(
        "    low = 0\n",
        '    import os\n    if "test_two" in os.environ.get("PYTEST_CURRENT_TEST", ""):\n        return 2\n'
        '    if "test_three" in os.environ.get("PYTEST_CURRENT_TEST", ""):\n        return 5\n    low = 0\n',
    ),
    "catches everything": RIGHT.replace(
        "    return high - low\n",
        "    try:\n        return high - low\n    except BaseException:\n        return 0\n",
    ),
    "changes the signature": RIGHT.replace("(items)", "(items, more=None)", 1),
    "adds a decorator": "@staticmethod\n" + RIGHT,
    "becomes a coroutine": "async " + RIGHT,
}


@pytest.mark.parametrize("kind", list(CHEATS))
def test_what_the_policy_refuses_is_no_candidate(bench: Workbench, kind: str) -> None:
    with served(model(("", [answer(CHEATS[kind])]))) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("plain"))
    assert not search.candidates and search.rungs[0].passed == 0
    passed = any(trial.result.status == "passed" for step in search.steps for trial in step.trials)
    assert passed is (kind != "becomes a coroutine")
    assert any("refused by the policy" in note for note in search.notes) is passed


def tried(bench: Workbench, case: Case, *texts: str) -> Ladder:
    """A ladder that got these answers."""
    with served(IDLE) as (_, endpoint):
        ladder = Ladder(bench.searcher(case), bench.writer(case, endpoint, Guidance()))
        ladder.tried([Draft(text, True, None, 0) for text in texts], "plain")
    return ladder


OTHER = "def helper(items):\n    return sorted(items)\n"


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (answer(RIGHT), True),
        (answer(RIGHT).removesuffix("```\n"), True),
        (f"Sure! Here is the repaired function:\n\n{answer(RIGHT)}\nIt uses `min` and `max`.", True),
        (RIGHT, True),
        (f"~~~python\n{RIGHT}~~~", True),
        (answer(OTHER + "\n\n" + RIGHT), True),
        (answer(WRONG) + "No, better:\n" + answer(RIGHT), True),
        (answer(RIGHT) + "Use it so:\n" + answer("print(spread([1, 2]))\n"), True),
        (answer(RIGHT.replace("    ", "\t")), True),
        (answer(RIGHT).replace("\n", "\r\n"), True),
        (answer("import math\n" + RIGHT.replace("high - low", "math.fabs(high - low)")), True),
        (answer("class Any:\n" + "".join(f"    {line}" for line in RIGHT.splitlines(True))), True),
        (answer(RIGHT.rpartition("    return")[0] + "    return hi"), False),
        (answer(RIGHT.replace("min(items)", "min(ite")), False),
        (answer(RIGHT).partition("    high")[0], False),
        ("", False),
        ("```python\n```", False),
        ("I am sorry, but this function is right as it is.", False),
        ("```javascript\nfunction spread(items) { return Math.max(...items) - Math.min(...items); }\n```", False),
        (answer(OTHER), False),
        (answer(RIGHT.replace("def spread", "def range_of")), False),
        (answer(WRONG), False),
        (answer(TEXT), False),
        ("\x00\x1b[2J\ufeff" + "é" * 50, False),
        ("```python\n" * 3000, False),
    ],
)
def test_answers_as_models_write_them(bench: Workbench, text: str, passes: bool) -> None:
    ladder = tried(bench, SPREAD, text)
    assert len(ladder.searcher.plausible) == ladder.passed == int(passes)
    assert ladder.note or ladder.candidates


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (METHOD, "@property\ndef most(self):\n    return max(self.items)\n"),
        (METHOD, "    @property\n    def most(self):\n        return max(self.items)\n"),
        (METHOD, "class Shelf:\n    @property\n    def most(self):\n        return max(self.items)\n"),
        (ASYNC, "async def later(items):\n    return max(items)\n"),
        (GENERATOR, "def halves(items):\n    for item in items:\n        yield item // 2\n"),
        (GENERATOR, "def halves(items):\n    yield from (item // 2 for item in items)\n"),
        (
            WRAPPED,
            "import functools\n\n@functools.lru_cache(maxsize=None)\ndef cached(item):\n    return 2 * item\n",
        ),
    ],
)
def test_methods_coroutines_generators_and_decorated_functions(bench: Workbench, case: Case, code: str) -> None:
    ladder = tried(bench, case, answer(code))
    assert [state.rung for state, _ in ladder.searcher.plausible] == ["plain"], ladder.attempts


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (METHOD, "def most(self):\n    return max(self.items)\n"),
        (ASYNC, "def later(items):\n    return max(items)\n"),
        (WRAPPED, "def cached(item):\n    return 2 * item\n"),
    ],
)
def test_what_decorates_it_stays(bench: Workbench, case: Case, code: str) -> None:
    ladder = tried(bench, case, answer(code))
    assert not ladder.searcher.plausible


def test_what_was_tried_once_is_not_run_again(bench: Workbench) -> None:
    ladder = tried(bench, SPREAD, answer(WRONG), answer(WRONG.replace("low = ", "low  =  ")), answer(TEXT))
    assert ladder.candidates == 1 and len(ladder.attempts) == 1


# -------------------------------------------------------------------------------------------- budgets and the end


def limited(endpoint: Endpoint, **limits: float) -> Metered:
    return Metered(endpoint, Ledger(), Allowance(**limits))


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        ({"requests": 8}, "budget.requests"),
        ({"tokens_in": 2500}, "budget.tokens_in"),
        ({"tokens_out": 500}, "budget.tokens_out"),
        ({"seconds": 0.0}, "budget.endpoint_seconds"),
    ],
)
def test_a_budget_ends_the_models_part_and_the_edits_go_on(
    bench: Workbench, limits: dict[str, float], word: str
) -> None:
    wrong = [answer(TOTAL.head.replace("-=", sign)) for sign in ("*=", "//=", "%=", "&=")]
    with served(model(("", wrong))) as (server, endpoint):
        metered = limited(endpoint, **limits)
        search = bench.search(TOTAL, metered, Guidance(), edits=EDITS)
        sent = sum(row.method == "POST" and "tokenize" not in row.path for row in server.requests)
    assert word in search.rungs[-1].note and word not in "".join(run.note for run in search.rungs[:-1])
    assert search.candidates[0].proposer == "edits" and search.stopped == "found"
    used = metered.ledger.usage
    assert used.requests <= limits.get("requests", 99) and used.tokens_in <= limits.get("tokens_in", 1e9)
    assert used.tokens_out <= limits.get("tokens_out", 1e9)
    assert sent == used.requests and (used.requests > 0) is ("seconds" not in limits)


@pytest.mark.parametrize("limits", [{"requests": 1}, {"tokens_out": 100}])
def test_what_was_found_before_a_budget_ended_is_kept(bench: Workbench, limits: dict[str, float]) -> None:
    with served(model(("", [answer(RIGHT)]))) as (_, endpoint):
        search = bench.search(SPREAD, limited(endpoint, **limits), only("plain", "best-of-n"))
    assert [(c.source, c.rung) for c in search.candidates] == [(RIGHT, "plain")]
    assert [run.name for run in search.rungs] == ["plain", "best-of-n"] and "budget." in search.rungs[1].note


@pytest.mark.parametrize("name", ["candidates", "seconds"])
def test_the_budget_for_running_ends_everything_but_keeps_what_was_found(bench: Workbench, name: str) -> None:
    settings = replace(SETTINGS, **{name: {"candidates": 4, "seconds": 0.0}[name]})
    with served(model(("", [answer(WRONG), answer(WRONG.replace("0]", "1]"))]))) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, Guidance(), edits=EDITS, settings=settings)
    assert search.stopped == name and not search.candidates
    assert search.executions <= (4 if name == "candidates" else 3) + 10


def test_seconds_are_for_running_and_not_for_waiting(bench: Workbench) -> None:
    with served(model(("", [answer(WRONG), answer(RIGHT)]))) as (server, endpoint):
        slow = FaultyProxy(server.url, lambda number, path, body: Fault("slow", seconds=1.5))
        with slow:
            client = OpenAI(slow.url, "toy", None, retries=0, capabilities=endpoint.capabilities)
            settings = replace(SETTINGS, seconds=4.0)
            search = bench.search(SPREAD, client, only("plain", "best-of-n", best_of=8), settings=settings)
            client.close()
    assert search.seconds > 0 and sum(run.usage.seconds for run in search.rungs) > 3
    assert [c.rung for c in search.candidates] == ["best-of-n"]


# ---------------------------------------------------------------------------------------------- an endpoint dies


@pytest.mark.parametrize("kind", ["closed", "key"])
@pytest.mark.parametrize("after", [0, 6, 9])  # the first five only turn text into ids
def test_an_endpoint_that_dies_leaves_what_was_found_and_the_edits(
    bench: Workbench, after: int, kind: str
) -> None:
    fault = Fault("closed") if kind == "closed" else refusal(401, "no such key")
    wrong = [answer(TOTAL.head.replace("-=", sign)) for sign in ("*=", "//=", "%=", "&=")]
    with served(model(("", wrong))) as (server, endpoint):
        dying = FaultyProxy(server.url, lambda number, path, body: fault if number >= after else None)
        with dying:
            client = OpenAI(dying.url, "toy", None, retries=0, capabilities=endpoint.capabilities)
            search = bench.search(TOTAL, Fallback([client]), Guidance(), edits=EDITS)
            asked = len(dying.requests)
            client.close()
    assert search.candidates[0].proposer == "edits" and search.stopped == "found"
    assert search.rungs[-1].note and search.rungs[-1].note != "nothing new was written"
    assert asked <= after + 4, "a dead endpoint was asked on and on"
    assert search.tier == ("A" if after else "E")


def test_what_was_found_before_an_endpoint_died_is_kept(bench: Workbench) -> None:
    with served(model(("", [answer(RIGHT)]))) as (server, endpoint):
        dying = FaultyProxy(
            server.url, lambda number, path, body: refusal(401) if body and body.get("n", 1) > 1 else None
        )
        with dying:
            client = OpenAI(dying.url, "toy", None, retries=0, capabilities=endpoint.capabilities)
            search = bench.search(SPREAD, client, Guidance())
            client.close()
    assert [(c.source, c.rung) for c in search.candidates] == [(RIGHT, "plain")]
    assert [run.name for run in search.rungs] == ["plain", "best-of-n"]
    assert "key" in search.rungs[1].note or "401" in search.rungs[1].note


# ---------------------------------------------------------------------------------------------------------- tiers

PLAYED = [
    pytest.param(ROOMY, "A", id="vllm"),
    pytest.param(PREFIXED, "B", id="prefixed"),
    pytest.param(LLAMA_CPP, "B", id="llama.cpp"),
    pytest.param(HOSTED, "C", id="hosted"),
    pytest.param(REASONING, "D", id="reasoning"),
    pytest.param(TRANSFORMERS, "D", id="transformers"),
]


@pytest.mark.parametrize(("abilities", "tier"), PLAYED)
def test_every_tier_finds_the_repair_line_by_line(bench: Workbench, abilities: Abilities, tier: str) -> None:
    with served(model(("", [answer(RIGHT)])), abilities) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("line-guided", "token-cfg"))
        scored = endpoint.of("score")
    assert [(c.source, c.rung, c.proposer) for c in search.candidates] == [
        (RIGHT, "line-guided", bench.writer(SPREAD, endpoint, Guidance()).name)
    ]
    assert search.tier == endpoint.capabilities.tier == tier
    assert tier == "A" or not scored
    assert "CFG" not in "".join(run.note for run in search.rungs).upper()


@pytest.mark.parametrize(("abilities", "tier"), PLAYED)
def test_a_repair_over_two_lines_is_chosen_by_votes_where_nothing_is_scored(
    bench: Workbench, abilities: Abilities, tier: str
) -> None:
    first = TEXT.replace("low = 0", "low = min(items)")
    with served(model(("", [answer(first), answer(RIGHT)])), abilities) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("line-guided", samples=8))
    assert RIGHT in [c.source for c in search.candidates]


@pytest.mark.parametrize("abilities", [LLAMA_CPP, PREFIXED, HOSTED, REASONING, TRANSFORMERS])
def test_token_by_token_is_left_out_where_it_cannot_be(bench: Workbench, abilities: Abilities) -> None:
    with served(model(("", [answer(WRONG)])), abilities) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, only("token-cfg"))
    assert not search.candidates and search.rungs[0].note.startswith("left out: ")
    assert not endpoint.requests
