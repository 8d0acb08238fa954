"""The defects of the released research code (EG-CFG): one test for each that would find it here."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rewriting import ASKED, IDLE, ROOMY, Case, Workbench, by_lines, served, workbench
from sample_briefs import TOTAL
from servers import Scripted, Tokenizer, Toy

from bot import prompts
from bot.errors import UsageError
from bot.languages.python.language import Python
from bot.problems.journal import Cell, Header, Journal, read
from bot.signal import Counter
from bot.steps.propose.token_cfg import Branches, decode_line
from bot.steps.propose.writing import Guidance, Writer

SPREAD = Case(
    "spread",
    '''\
def spread(items):
    """How far apart the smallest and the largest are."""
    low = 0
    high = 0
    return high - low
''',
    "def test_two():\n    assert spread([3, 5]) == 2\n\n\ndef test_three():\n    assert spread([4, 9, 6]) == 5\n",
)
RIGHT = SPREAD.head.replace("low = 0", "low = min(items)").replace("high = 0", "high = max(items)")
# Reads what its test puts into the standard input, as competition problems do.
READER = Case(
    "reader",
    "import sys\n\n\ndef reader():\n    found = sys.stdin.read().split()\n    return len(found)\n",
    """\
def test_first(monkeypatch):
    import io
    monkeypatch.setattr("sys.stdin", io.StringIO("11 12"))
    assert reader() == 23


def test_second(monkeypatch):
    import io
    monkeypatch.setattr("sys.stdin", io.StringIO("21 22 23"))
    assert reader() == 66
""",
)
# Runs through far more than any prompt could hold, with values that are long by themselves.
HUGE = Case(
    "huge",
    """\
def huge(count):
    seen = []
    text = ""
    for number in range(count):
        seen.append(number)
        text += str(number) * 9
    return text[:1]
""",
    "def test_huge():\n    assert huge(4000) == len('x') + 3999\n",
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with workbench(SPREAD, READER, HUGE) as made:
        yield made


def blocks(text: str) -> list[str]:
    """The signals in a prompt."""
    return re.findall(r'<data-[0-9a-f]{8} label="execution">\n(.*?)\n</data-', text, re.DOTALL)


# -------------------------------------------------------------------------------------- 1: cut-off distributions


def test_1_a_token_that_only_the_signal_wants_is_chosen() -> None:
    def following(text: str) -> dict[str, float]:
        if ASKED not in text:
            return dict(IDLE.next(text))
        if not text.endswith("return "):
            return {"\n": 1.0}
        # As in the note on the released code: z is not among the five that come back without the signal.
        if "z is right" in text:
            return {"z": 0.9, "a": 0.04, "b": 0.03, "c": 0.02, "d": 0.01}
        return {"a": 0.5, "b": 0.2, "c": 0.15, "d": 0.1, "e": 0.04, "z": 0.01}

    with served(Toy(following)) as (server, endpoint):
        encode = server.tokenizer.encode
        branches = Branches(tuple(encode(ASKED)), tuple(encode(" z is right ")), tuple(encode("return ")))
        for gamma in (1.0, 1.5, 3.0):
            line = decode_line(endpoint, branches, gamma=gamma, clip=4.0, top=5, max_tokens=5)
            assert line.text == "z\n", gamma
        assert decode_line(endpoint, branches, gamma=0.0, clip=4.0, top=5, max_tokens=5).text == "a\n"


# ------------------------------------------------------------------------ 2, 3: both prompts, and their token ids


class Greedy(Tokenizer):
    """Takes a line feed and the indentation behind it for one token: text that is joined and encoded anew has
    other ids than its parts."""

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for part in re.findall(r"\n[ \t]+|[^\n]+|\n", text):
            ids += [self.id(part.encode())] if part[0] == "\n" else super().encode(part)
        return ids


def test_2_both_prompts_differ_in_the_signal_alone() -> None:
    source = TOTAL.function.source.splitlines(keepends=True)
    block = "candidate 1: raises AssertionError\n    net = 0"
    with served(IDLE) as (server, endpoint):
        writer = Writer(endpoint, TOTAL, Guidance(), Python(), Counter(endpoint))
        head, signal, response = writer.id_segments(block, "".join(source[:2]))
        assert writer.id_segments("", "".join(source[:2])) == (head, (), response)
        writer.scores("".join(source[:2]), block, source[2:4])
        sent = endpoint.of("score")[0].prompts
        # The instructions, all of them, stand in both, once.
        task = tuple(server.tokenizer.encode("<|user|>\n" + prompts.task(TOTAL)))
    assert head == task and server.tokenizer.decode(signal) == prompts.evidence(block)
    lines = [tuple(server.tokenizer.encode(line)) for line in source[2:4]]
    assert sent == tuple(head + middle + response + line for middle in ((), signal) for line in lines)


def test_3_ids_are_never_made_of_text_again() -> None:
    def following(text: str) -> dict[str, float]:
        # One character in two tokens, of which neither is a text.
        rest = "é = 1\n".encode()
        begun = text.rpartition("\n")[2].encode("utf-8", "surrogateescape")
        if ASKED not in text:
            return dict(IDLE.next(text))
        return {rest[len(begun) : len(begun) + 1].decode("utf-8", "surrogateescape") or "x": 1.0}

    with served(Toy(following)) as (server, endpoint):
        server.tokenizer = server._reader.tokenizer = greedy = Greedy()
        start = tuple(greedy.encode(f"{ASKED}\n"))
        line = decode_line(endpoint, Branches(start, (), ()), gamma=0.0, clip=4.0, max_tokens=20)
        sent = [tuple(body["prompt"]) for body in server.asked("/completions")]
    assert line.text == "é = 1\n"
    assert sent == [start + line.ids[:count] for count in range(len(line.ids))]
    assert line.ids[:2] == tuple("é".encode())
    # Whole lines, too: what was accepted keeps its ids when others follow.
    with served(IDLE) as (server, endpoint):
        server.tokenizer = server._reader.tokenizer = greedy
        writer = Writer(endpoint, TOTAL, Guidance(), Python(), Counter(endpoint))
        source = TOTAL.function.source.splitlines(keepends=True)
        ids = [writer.id_segments("", "".join(source[:count]))[2] for count in range(1, len(source) + 1)]
    for before, after in itertools.pairwise(ids):
        assert after[: len(before)] == before


# ------------------------------------------------------------------------------- 4: an empty signal at each token


@pytest.mark.engine
@pytest.mark.parametrize("evidence", ["none", "traces"])
def test_4_candidates_are_sampled_once_a_line_and_not_once_a_token(bench: Workbench, evidence: str) -> None:
    why = "  # what the others are measured from, whatever they are, one by one\n"
    body = [line + why for line in ("    low = len(items)", "    high = max(items)", "    return high - low")]
    start = SPREAD.head[: SPREAD.head.index("    low")].count("\n")

    def lines(text: str) -> dict[str, float]:
        return {(*body, "```\n")[min(text.rpartition("```python\n")[2].count("\n") - start, 3)]: 1.0}

    guidance = Guidance(rungs=("token-cfg",), horizon=0, evidence=evidence)
    with served(by_lines(lines)) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, guidance)
        sampled = [request for request in endpoint.requests if request.kind == "complete" and request.n > 1]
        single = [
            request for request in endpoint.requests if request.kind == "complete" and request.max_tokens == 1
        ]
    tokens = sum(len(Tokenizer().encode(line)) for line in body)
    assert not search.candidates and len(single) > tokens
    assert len(sampled) == len(body) + 1  # the closing fence is a line, too


# ------------------------------------------------------------------------------- 5: what is not needed any more


@pytest.mark.engine
def test_5_what_is_found_ends_all_other_asking(bench: Workbench) -> None:
    answer = f"```python\n{RIGHT}```\n"
    with served(Scripted([(ASKED, [answer])], IDLE.next)) as (_, endpoint):
        search = bench.search(SPREAD, endpoint, Guidance(rungs=("line-guided", "token-cfg")))
        asked = [request.purpose for request in endpoint.requests if request.kind in ("complete", "score")]
    assert [run.name for run in search.rungs] == ["line-guided"] and search.candidates
    # It passed while the first line was in hand: neither its other lines nor the next rung were asked for.
    assert asked.count("continue") <= 2 and asked.count("score") <= 1 and "rewrite" not in asked


# ---------------------------------------------------------------------------------- 6: which test a trace is of


@pytest.mark.engine
def test_6_each_trace_stands_with_the_input_of_its_own_test(bench: Workbench) -> None:
    numbers = "    numbers = [int(word) for word in found]\n"
    begun = "def reader():\n"

    def lines(text: str) -> dict[str, float]:
        written = text.rpartition("```python\n")[2]
        if written == begun:
            return {
                "    found = sys.stdin.read().split()\n": 0.6,
                "    found = list(sys.stdin.read().split())\n": 0.4,
            }
        if written.endswith(("split()\n", "split())\n")):
            return {numbers: 1.0}
        return {"    return max(numbers)\n": 1.0} if written.endswith(numbers) else {"```\n": 1.0}

    with served(by_lines(lines)) as (server, endpoint):
        bench.search(READER, endpoint, Guidance(rungs=("line-guided",), samples=8))
        sent = [p for r in endpoint.of("score") for p in r.prompts]
        signal = next(found[0] for p in sent if (found := blocks(server.tokenizer.decode(list(p)))))
    calls = re.split(r"\ncall\(", signal.partition("\ncandidate 2")[0])[1:]
    assert len(calls) == 2, signal
    first, second = calls
    assert "'11', '12'" in first and "returned 12" in first and "21" not in first
    assert "'21', '22', '23'" in second and "returned 23" in second and "11" not in second


# -------------------------------------------------------------------------------------------- 7: the result files


def test_7_one_writer_at_a_time_and_the_first_cell_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    header = Header({"seeds": [0]}, {})
    writer = f"""
        import sys
        from pathlib import Path
        from bot.problems.journal import Cell, Header, Journal

        with Journal(Path({str(path)!r}), Header({{"seeds": [0]}}, {{}})) as journal:
            journal.add(Cell("p0", "single", 0, hidden=True))
            print("has it", flush=True)
            sys.stdin.read()
    """
    program = [sys.executable, "-c", textwrap.dedent(writer)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == "has it\n"
        with pytest.raises(UsageError) as busy, Journal(path, header):
            pass
        assert busy.value.slug == "experiment-busy"
        # A file left by a writer that is dead is no lock.
        other.kill()
        other.wait()
    with Journal(path, header) as journal:
        assert [cell.key for cell in journal.record.cells] == [("p0", "single", 0)]
        journal.add(Cell("p1", "single", 0))
    assert [(cell.problem, cell.seed, cell.hidden) for cell in read(path).cells] == [
        ("p0", 0, True),
        ("p1", 0, False),
    ]


# --------------------------------------------------------------------------- what 18% of its runs died of: traces


@pytest.mark.engine
@pytest.mark.parametrize("budget", [200, 1500])
def test_a_huge_trace_stays_within_the_signals_budget(bench: Workbench, budget: int) -> None:
    firsts = ["    seen = [0]\n", "    seen = list(range(50))\n", "    seen = [[]]\n"]

    def lines(text: str) -> dict[str, float]:
        written = text.rpartition("```python\n")[2]
        rest = HUGE.head.splitlines(keepends=True)[2:]
        if written == "def huge(count):\n":
            return dict(zip(firsts, (0.4, 0.3, 0.3), strict=True))
        return {(*rest, "```\n")[min(written.count("\n") - 2, len(rest))]: 1.0}

    with served(by_lines(lines), replace(ROOMY, context=8192)) as (server, endpoint):
        search = bench.search(HUGE, endpoint, Guidance(rungs=("line-guided",), samples=8, signal_tokens=budget))
        texts = [server.tokenizer.decode(list(p)) for r in endpoint.of("score") for p in r.prompts]
    sizes = [len(server.tokenizer.encode(block)) for text in texts for block in blocks(text)]
    assert sizes and budget / 4 < max(sizes) <= budget
    assert "context" not in search.rungs[0].note and search.rungs[0].candidates >= 3
    assert not any(math.isinf(trial.score) for step in search.steps for trial in step.trials)
