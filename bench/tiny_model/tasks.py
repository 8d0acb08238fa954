"""Small functions with a defect, made by a program: what the tiny model is trained on and measured with.

Three families, all of one function `solve` with fixed names, which a model of a million parameters can learn:

    plain   the docstring says what is right; what runs show is not needed
    key     which key of a dictionary is read is known to nobody but the running program: the tests make the
            dictionary, and prompts hold neither it nor a value that tells
    shape   what kind of value a source gives decides which expression is right; the exception at head tells text
            from list, a trace tells all

Equal seeds give equal tasks. Training and measurement use different seeds: they share families, keys
and kinds, not what a case holds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

KEYS = ("price", "total", "count", "size", "weight", "score", "age", "rank")

MAPPING = "sum(data.values())"
"""What a task of the family `shape` is given: right for a dictionary, which never comes."""
SHAPES: dict[str, str] = {
    "list": "sum(data)",
    "pairs": "sum(n for _, n in data)",
    "rows": 'sum(row["n"] for row in data)',
    "nested": "sum(map(sum, data))",
    "words": "sum(map(int, data.split()))",
    "commas": 'sum(map(int, data.split(",")))',
    "slashes": 'sum(map(int, data.split("/")))',
    "semicolons": 'sum(map(int, data.split(";")))',
}
"""Kind of value -> the expression that is right for it."""

PLAIN: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "sum": ("Return the sum of the numbers in xs.", "0", ("acc = acc + x",), "acc"),
    "product": ("Return the product of the numbers in xs.", "1", ("acc = acc * x",), "acc"),
    "largest": ("Return the largest number in xs, at least 0.", "0", ("acc = max(acc, x)",), "acc"),
    "smallest": ("Return the smallest number in xs, at most 99.", "99", ("acc = min(acc, x)",), "acc"),
    "count": ("Return how many numbers are in xs.", "0", ("acc = acc + 1",), "acc"),
    "squares": ("Return the sum of the squares of xs.", "0", ("acc = acc + x * x",), "acc"),
    "last": ("Return the last number in xs, or 0.", "0", ("acc = x",), "acc"),
    "minus": ("Return minus the sum of the numbers in xs.", "0", ("acc = acc - x",), "acc"),
}
"""Name -> (docstring, start, what is done for each x, result)."""

ENDINGS: dict[str, str] = {"": "value", "twice": "value * 2", "one more than": "value + 1", "minus": "-value"}
"""How a docstring speaks of the result -> the expression that is returned."""


@dataclass(frozen=True)
class Held:
    """What a test's `Case` is here."""

    value: object

    def read(self) -> object:
        """What it holds."""
        return self.value

    def __repr__(self) -> str:
        return "Case()"


@dataclass(frozen=True)
class Task:
    """One function to be repaired."""

    id: str
    family: str
    good: str
    """The function as it should be."""
    bad: str
    """The function as it is given; it differs from `good` in exactly one line."""
    visible: str
    """Test module that prompts and searches may know."""
    hidden: str
    """Test module that judges."""
    others: tuple[str, ...]
    """Lines that could stand in place of the deciding one, the right and the given one among them."""
    argument: object
    """What the visible test calls it with."""
    held: tuple[object, ...]
    """What only the running program knows."""

    @property
    def line(self) -> int:
        """The deciding line, 1-based."""
        pairs = zip(self.good.split("\n"), self.bad.split("\n"), strict=True)
        return next(at for at, (one, other) in enumerate(pairs, 1) if one != other)

    @property
    def module(self) -> str:
        """The file that holds it."""
        return self.bad


CASE = '''class Case:
    """Something to read from; what it holds and what it accepts are known to the running program alone."""

    HELD = {held}
    WANTED = {wanted}

    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return "Case()"

    def read(self):
        return ast.literal_eval(self.HELD[self._name])

    def accepts(self, value):
        return repr(value) == self.WANTED[self._name]
'''


def tasks(seed: int, count: int, families: Sequence[str] = ("plain", "key", "shape")) -> list[Task]:
    """`count` tasks, families in turn."""
    rng = random.Random(seed)
    makers = {"plain": plain, "key": key, "shape": shape}
    return [makers[families[n % len(families)]](rng, f"{seed}-{n}") for n in range(count)]


def plain(rng: random.Random, name: str) -> Task:
    """A loop over numbers that the docstring determines."""
    about, start, (step,), result = PLAIN[rng.choice(list(PLAIN))]
    others = tuple(f"        {value[2][0]}" for value in PLAIN.values())
    wrong = rng.choice([line for line in others if line.strip() != step])
    good = _function("xs", about, f"acc = {start}", "for x in xs:", f"    {step}", f"return {result}")
    bad = good.replace(f"        {step}\n", f"{wrong}\n")
    runs = [compiled(good.replace(step, line.strip())) for line in others if line.strip() != step]
    run = compiled(good)
    while True:
        shown, *held = [[rng.randrange(2, 10) for _ in range(rng.randrange(3, 6))] for _ in range(5)]
        if all(other(shown) != run(shown) for other in runs):  # so that one test decides
            break
    head = "from solution import solve\n"
    visible = f"{head}\n\ndef test_one():\n    assert solve({shown}) == {run(shown)}\n"
    hidden = head + "".join(
        f"\n\ndef test_held_{at}():\n    assert solve({xs}) == {run(xs)}\n" for at, xs in enumerate(held)
    )
    return Task(f"plain-{name}", "plain", good, bad, visible, hidden, others, shown, ())


def key(rng: random.Random, name: str) -> Task:
    """A dictionary with two keys, one of them always `id`; the other is the one to be read."""
    chosen, wrong = rng.sample(KEYS, 2)
    ending = rng.choice(list(ENDINGS))
    what = f"{ending} the amount" if ending else "the amount"
    lines = [f'    value = record["{word}"]' for word in KEYS]
    good = _function(
        "source",
        f"Return {what} in the record of the source.",
        "record = source.read()",
        f'value = record["{chosen}"]',
        f"return {ENDINGS[ending]}",
    )
    bad = good.replace(f'"{chosen}"', f'"{wrong}"')

    def record() -> dict[str, int]:
        pairs = [("id", rng.randrange(100, 1000)), (chosen, rng.randrange(10, 100))]
        rng.shuffle(pairs)
        return dict(pairs)

    return _sourced(name, "key", good, bad, tuple(lines), [record() for _ in range(5)])


def shape(rng: random.Random, name: str) -> Task:
    """A value of one of several kinds, all of which hold numbers; the given line takes it for a dictionary.

    The exception at head tells text from list, no more: four kinds of each are left.
    """
    chosen = rng.choice(list(SHAPES))
    ending = rng.choice(list(ENDINGS))
    what = f"{ending} the total" if ending else "the total"
    lines = [f"    value = {expression}" for expression in (*SHAPES.values(), MAPPING)]
    good = _function(
        "source",
        f"Return {what} of the numbers that the source holds.",
        "data = source.read()",
        f"value = {SHAPES[chosen]}",
        f"return {ENDINGS[ending]}",
    )
    bad = good.replace(SHAPES[chosen], MAPPING)
    signs = {"words": " ", "commas": ",", "slashes": "/", "semicolons": ";"}

    def value() -> object:
        numbers = [rng.randrange(2, 50) for _ in range(3)]
        if chosen in signs:
            return signs[chosen].join(map(str, numbers))
        if chosen == "pairs":
            return list(zip(rng.sample(KEYS, 3), numbers, strict=True))
        if chosen == "rows":
            return [{"n": number} for number in numbers]
        return [numbers, numbers[::-1]] if chosen == "nested" else numbers

    return _sourced(name, "shape", good, bad, tuple(lines), [value() for _ in range(5)])


def _sourced(
    name: str, family: str, good: str, bad: str, lines: tuple[str, ...], values: Sequence[object]
) -> Task:
    """A task whose tests hand over a `Case`: neither what it holds nor what it accepts can be read in a test."""
    run = compiled(good)

    def module(numbered: Sequence[tuple[str, object]]) -> str:
        held = {word: repr(value) for word, value in numbered}
        wanted = {word: repr(run(Held(value))) for word, value in numbered}
        head = f"import ast\n\nfrom solution import solve\n\n\n{CASE.format(held=held, wanted=wanted)}"
        return head + "".join(
            f'\n\ndef test_{word}():\n    case = Case("{word}")\n    assert case.accepts(solve(case))\n'
            for word, _ in numbered
        )

    visible = module([("one", values[0])])
    hidden = module([(f"held_{at}", value) for at, value in enumerate(values[1:])])
    return Task(f"{family}-{name}", family, good, bad, visible, hidden, lines, Held(values[0]), (values[0],))


def _function(parameter: str, about: str, *body: str) -> str:
    return f'def solve({parameter}):\n    """{about}"""\n' + "".join(f"    {line}\n" for line in body)


def compiled(source: str) -> Callable[[object], object]:
    """The function of a text made here."""
    space: dict[str, Callable[[object], object]] = {}
    exec(compile(source, "solution.py", "exec"), space)  # our own text, not a model's
    return space["solve"]
