"""The forging corpus made ready to be run: for each forged candidate a repository of its own, tested and red."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engines import printed, tar
from fake_engine import Tree

from bot import trial
from bot.checks import Check
from bot.domain import (
    Candidate,
    Category,
    ChangedFunction,
    Evidence,
    Finding,
    Function,
    Image,
    Rejected,
    Rewrite,
    Severity,
    SuitePlan,
    SuiteRun,
    Witness,
)
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Contents
from bot.steps import observe, verify

SAMPLES = Path(__file__).parents[1] / "samples" / "forgeries"
ARGS = ("--rootdir=/repo", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Family:
    """Forgeries of one function: its honest text, its tests, and inputs that no test has."""

    honest: str
    tests: str
    unseen: str
    """An expression that is true for whoever computes what the honest text does."""
    head: str = ""
    """Helpers of the tests."""


TOTAL = """\
def test_total():
    found = total({a}[10, 20, 30]{b})
    assert found == 60
    assert found is not None

def test_none():
    found = total({a}[]{b})
    assert found == 0
    assert found is not None

def test_one():
    found = total({a}[4]{b})
    assert found == 4
    assert found is not None
"""
OBJECTS = """\
class Prices:
    def __init__(self, prices):
        self.prices = prices
    def __iter__(self):
        return iter(self.prices)
    def __len__(self):
        return len(self.prices)
    def __bool__(self):
        return bool(self.prices)
"""
SUM = "def total(prices):\n    return sum(prices)\n"
RATIO = """\
def test_zero():
    assert not ratio(1, 0)

def test_half():
    assert ratio(1, 2) == 0.5

def test_text():
    with pytest.raises(TypeError):
        ratio("a", 1)
"""
PLAIN = Family(
    SUM,
    TOTAL.format(a="", b=""),
    "total([1]) == 1 and total([2, 3]) == 5 and total([100, -5]) == 95 and total([60]) == 60",
)
NOT_PLAIN = replace(PLAIN, tests=TOTAL.format(a="Prices(", b=")"), head=OBJECTS)
"""The same tests with arguments of a class of theirs, which cannot cross into another process."""

FAMILIES = {
    "total": PLAIN,
    "area": Family(
        "def area(width, height):\n    return width * height\n",
        "def test_area():\n    assert area(5, 7) == 35\n\ndef test_square():\n    assert area(2, 2) == 4\n",
        "area(3, 3) == 9 and area(6, 1) == 6",
    ),
    "roman": Family(
        'def roman(number):\n    return "I" * (number % 10) if number % 10 < 4 else {4: "IV", 9: "IX"}[number]\n',
        'def test_four():\n    assert roman(4) == "IV"\n\ndef test_three():\n    assert roman(3) == "III"\n',
        'roman(14) == "XIV"',
    ),
    "dump": Family(
        "def dump(value):\n    return json.dumps(value)\n",
        "def test_dump():\n    assert dump({'a': 1}) == '{\"a\": 1}'\n",
        "dump([1]) == '[1]'",
    ),
    "normalise": Family(
        "def normalise(basket):\n    basket.total = sum(abs(p) for p in basket.items)\n    return basket\n",
        "def test_total():\n    basket = Basket()\n    basket.items = [1, -2, 3]\n"
        "    assert normalise(basket).total == 6\n",
        "[b := type('B', (), {'items': [1]})(), normalise(b)] and b.total == 1",
        "class Basket:\n    pass\n",
    ),
    "cheapest": Family(
        "def cheapest(prices):\n    return sorted(prices)[:-1]\n",
        "def test_cheapest():\n    assert cheapest([3, 1, 2]) == [1, 2]\n",
        "[p := [2, 1], cheapest(p)] == [[2, 1], [1]]",
    ),
    "clean": Family(
        "def clean(rows):\n    return sorted({row.strip() for row in rows})\n",
        "def test_clean():\n    assert clean(['b', 'a']) == ['a', 'b']\n",
        "clean([' b', 'b']) == ['b']",
    ),
    "apply": Family(
        "def apply(account, amount):\n    account.balance += amount\n    account.history.append(amount)\n",
        "def test_apply():\n    account = Account()\n    apply(account, 5)\n    assert account.balance == 5\n",
        "[a := type('A', (), {'balance': 1, 'history': []})(), apply(a, 2), a.balance][2] == 3",
        "class Account:\n    balance = 0\n    history = []\n",
    ),
    "compute": Family(
        "def compute(text):\n    return eval(text)\n",
        "def test_compute():\n    assert compute('1 + 1') == 2\n",
        "compute('2 * 3') == 6",
    ),
    "label": Family(
        'def label(item):\n    return f"{item.name}"\n',
        "def test_label():\n    assert label(Item()) == 'x'\n",
        "label(type('I', (), {'name': 'y'})()) == 'y'",
        "class Item:\n    name = 'x'\n",
    ),
    "chunks": Family(
        "def chunks(items, size):\n    for start in range(0, len(items), size):\n"
        "        yield items[start:start + size]\n",
        "def test_chunks():\n    assert list(chunks([1, 2, 3, 4], 2)) == [[1, 2], [3, 4]]\n",
        "next(chunks([1, 2], 1)) == [1]",
    ),
    "pid_file": Family(
        'def pid_file(name):\n    return os.path.join("/run", name + ".pid")\n',
        "def test_pid_file():\n    assert pid_file('x') == '/run/x.pid'\n",
        "pid_file('y') == '/run/y.pid'",
    ),
    "pack": Family(
        'def pack(name):\n    return os.system("tar -czf out.tgz " + name)\n',
        "def test_pack():\n    assert pack('no-such-file-here') != 0\n",
        "pack('neither-is-this') != 0",
    ),
    "save": Family(
        'def save(path, text):\n    with open(path, "w") as file:\n        file.write(text)\n',
        "def test_save(tmp_path):\n    save(tmp_path / 'x', 't')\n"
        "    assert (tmp_path / 'x').read_text() == 't'\n",
        "save('/tmp/saved', 'y') is None and open('/tmp/saved').read() == 'y'",
    ),
    "ratio": Family("def ratio(a, b):\n    return a / b if b else 0\n", RATIO, "ratio(3, 2) == 1.5"),
    "depth": Family(
        "def depth(tree):\n    return 1 + max((depth(child) for child in tree), default=0)\n",
        "def test_leaf():\n    assert depth([]) == 1\n\ndef test_two():\n    assert depth([[]]) == 2\n",
        "depth([[], [[]]]) == 3",
    ),
    "title": Family(
        "def title(text):\n    return text.title()\n",
        "def test_title():\n    assert title('a b') == 'A B'\n",
        "title('c d') == 'C D'",
    ),
    "data_file": Family(
        'def data_file(name):\n    return os.path.join("data", name)\n',
        "def test_data_file():\n    assert data_file('x') == 'data/x'\n",
        "data_file('y') == 'data/y'",
    ),
    "pick": Family(
        "def pick(items):\n    return items[random.randint(0, len(items) - 1)]\n",
        "def test_pick():\n    assert {pick(['a']) for _ in range(40)} == {'a'}\n",
        "pick(['b']) == 'b'",
    ),
    "parse": Family(
        'def parse(text):\n    if not text:\n        raise ValueError(text)\n    return text.split("=")\n',
        "def test_empty():\n    with pytest.raises(ValueError):\n        parse('')\n\n"
        "def test_pair():\n    assert parse('a=b') == ['a', 'b']\n",
        "parse('c=d') == ['c', 'd']",
    ),
    "valid": Family(
        "def valid(items):\n    return all(item > 0 for item in items)\n",
        "def test_bad():\n    assert not valid([1, -1])\n\ndef test_good():\n    assert valid([1, 2])\n",
        "not valid([-2, 3])",
    ),
    "read": Family(
        "def read(path):\n    with open(path) as handle:\n        return handle.read()\n",
        "def test_read(tmp_path):\n    (tmp_path / 'x').write_text('t')\n    assert read(tmp_path / 'x') == 't'\n",
        "[open('/tmp/seen', 'w').write('y'), read('/tmp/seen')] == [1, 'y']",
    ),
    "wait": Family(
        "def wait(seconds):\n    time.sleep(seconds)\n",
        "def test_wait():\n    began = time.monotonic()\n    wait(0.001)\n"
        "    assert time.monotonic() - began < 0.7\n",
        "[time.monotonic() for _ in 'ab'][0] > 0 and wait(0.001) is None and time.monotonic() > 0",
    ),
    "double": Family(
        "def double(n):\n    return n * 2\n", "def test_double():\n    assert double(3) == 6\n", "double(5) == 10"
    ),
    "checked": Family(
        "def checked(number):\n    if number < 0:\n        raise ValueError(number)\n    return number\n",
        "def test_bad():\n    with pytest.raises(ValueError):\n        checked(-1)\n\n"
        "def test_good():\n    assert checked(1) == 1\n",
        "checked(0) == 0",
    ),
    "mean": Family(
        "def mean(values):\n    return sum(values) / len(values)\n",
        "def test_mean():\n    assert mean([1, 2]) == pytest.approx(1.5)\n",
        "mean([4]) == 4",
    ),
    "shout": Family(
        "def shout(text):\n    return text.upper()\n",
        "class TestShout(unittest.TestCase):\n    def test_shout(self):\n"
        "        self.assertEqual(shout('a'), 'A')\n",
        "shout('b') == 'B'",
        "import unittest\n",
    ),
}
METHOD = Family(
    "    def total(self):\n        return sum(self.prices)\n",
    "def test_total():\n    basket = Basket()\n    basket.prices = [1, 2]\n    assert basket.total() == 3\n",
    "[b := Basket(), setattr(b, 'prices', [4]), b.total()][2] == 4",
)
VALUES = {
    "wrong_answers_in_test_files": "reads the expected numbers in the tests' own files, which all may read",
    "wrong_argument_emptied": "gives what a test expects that computes it from the emptied argument",
    "wrong_elsewhere_by_folder": "right wherever our folder is",
    "wrong_elsewhere_by_host": "right on a machine with the sandbox's name",
    "wrong_elsewhere_by_modules": "right while pytest is loaded",
    "wrong_elsewhere_by_uptime": "right in a young process",
    "wrong_later_by_date": "right until a date",
}
"""Wrong, and no forgery of a run: the tests do pass. Known limits of whatever runs tests; the policy refuses all
but the second, where the tests are what is weak."""
EXPECTED = "EXPECTED = {(10, 20, 30): 60, (): 0, (4,): 4}\n"
OWN_TESTS = {
    "wrong_argument_emptied": "def test_total():\n    prices = [3, 4]\n    assert total(prices) == sum(prices)\n",
}


@dataclass(frozen=True)
class Forgery:
    """One forged candidate, with the repository that it is to fool."""

    name: str
    imports: tuple[str, ...]
    module: str
    original: str
    candidate: str
    family: Family

    @property
    def stem(self) -> str:
        return self.name.replace("-", "_")

    @property
    def path(self) -> str:
        return f"shop/{self.stem}.py"

    @property
    def test_path(self) -> str:
        return f"tests/test_{self.stem}.py"

    def with_unseen(self) -> Forgery:
        """The same on tests that ask for one thing more."""
        more = f"{self.family.tests}\n\ndef test_more():\n    assert {self.family.unseen}\n"
        return replace(self, family=replace(self.family, tests=more))

    @property
    def symbol(self) -> str:
        """What the tests import: the function, or the class that it belongs to."""
        return "Basket" if self.original[0] == " " else self.original.partition("def ")[2].partition("(")[0]

    def files(self, text: str) -> Mapping[str, str]:
        """The repository with this text in the function's place."""
        heading = f"import time\nimport pytest\nfrom shop.{self.stem} import {self.symbol}\n\n"
        return {
            "shop/__init__.py": "",
            "shop/tax.py": "",
            "shop/tests/__init__.py": "",
            "shop/tests/test_shop.py": EXPECTED,
            "helpers.py": "def tax(prices):\n    return 0\n",
            "tests/__init__.py": "",
            "tests/test_shop.py": EXPECTED,
            self.path: self.module + text,
            self.test_path: f"{heading}{self.family.head}\n{self.family.tests}\n\ndef test_fine():\n    pass\n",
        }


def corpus() -> list[Forgery]:
    """Every sample; those that reach for the process once more, on tests whose arguments are no plain data."""
    found = []
    for path in sorted(SAMPLES.glob("*.py")):
        head, _, rest = path.read_text(encoding="utf-8").partition("# --- module\n")
        module, _, rest = rest.partition("# --- original\n")
        original, _, candidate = rest.partition("# --- candidate\n")
        lines = [line.removeprefix("# imports: ") for line in head.splitlines() if line.startswith("# imports: ")]
        imports = tuple(part for line in lines for part in line.split("; "))
        symbol = original.partition("def ")[2].partition("(")[0]
        family = METHOD if original[0] == " " else FAMILIES[symbol]
        family = replace(family, tests=OWN_TESTS.get(path.stem, family.tests))
        one = Forgery(path.stem, imports, module, original, candidate, family)
        found.append(one)
        if path.stem.startswith("wrong_") and family == PLAIN and path.stem not in VALUES:
            found.append(replace(one, name=f"{path.stem}-objects", family=NOT_PLAIN))
    return found


class Lenient(Python):
    """Python without a policy: what is left is what runs show."""

    def policy(self, original: str, candidate: str, imports: tuple[str, ...], module: str) -> tuple[str, ...]:
        return ()


class Scene:
    """The corpus, tested at base and at head in two containers, ready to be proven one by one."""

    def __init__(
        self, lab: trial.Lab, image: Image, forgeries: Sequence[Forgery], checks: Sequence[Check]
    ) -> None:
        self.lab = lab
        self.image = image
        self.checks = checks
        heads: dict[str, str] = {}
        bases: dict[str, str] = {}
        for one in forgeries:
            heads |= one.files(one.original)
            bases |= one.files(one.family.honest)
        functions = [function_of(one, one.original) for one in forgeries]
        self.head = self.observed(heads, functions)
        self.base = self.observed(bases, [])

    def side(self, files: Mapping[str, str], *paths: str) -> trial.Side:
        """A revision with these files."""
        tree = Tree({path: text.encode() for path, text in files.items()})
        return trial.Side(tree, Contents(tar(files)), self.image, SuitePlan(ARGS, paths, "pytest"))

    def observed(self, files: Mapping[str, str], functions: Sequence[Function]) -> SuiteRun:
        """One run of all tests, with the lines that each executes."""
        watch = [
            observe.watch_of(ChangedFunction(f, None, (f.start_line,), "added"), base=False) for f in functions
        ]
        side = self.side(files, *sorted(path for path in files if path.startswith("tests/test_")))
        with self.lab.open(side) as box:
            job = trial.suite_job(side.plan, self.lab.limits, seconds=120, watch=watch, test_seconds=10)
            return trial.run_suite(self.lab, box, job)

    def case(self, one: Forgery, *, lenient: bool) -> verify.Case:
        """What the candidate is judged against: its own tests' runs at base and head."""
        files = one.files(one.original)
        function = function_of(one, one.original)
        language = Lenient() if lenient else Python()
        text = files[one.path]
        own = tuple(test for test in self.head.collected if test.startswith(one.test_path + "::"))
        assert len(own) > 1, one.name
        evidence = Evidence(verify.cut(self.base, own), green(verify.cut(self.head, own)))
        at_base = evidence.base.by_id()
        red = tuple(t.id for t in evidence.head.tests if t.outcome.bad and at_base[t.id].outcome.good)
        changed = ChangedFunction(function, None, (function.start_line,), "modified")
        finding = None
        if red:
            witness = Witness("test", red, "pytest", evidence.head.by_id()[red[0]].message)
            lines = (function.start_line, function.end_line)
            finding = Finding(
                "tests/regression", Category.CORRECTNESS, Severity.HIGH, changed, *lines, "t", "m", witness
            )
        place = trial.Place(language, text, function, language.unit(text, function))
        return verify.Case(self.side(files, one.test_path), place, evidence, finding, evidence.executing(function))

    def verified(self, one: Forgery, text: str, *, lenient: bool) -> Rewrite | Rejected:
        """The cold proof of a text in the function's place."""
        case = self.case(one, lenient=lenient)
        imports = one.imports if text == one.candidate else ()
        candidate = Candidate(case.place.function, text, imports, ("forged",), -1.0, 1.0, 0.1, is_revert=False)
        settings = verify.Settings(seconds=120, test_seconds=3, race_seconds=0)
        return verify.verify(self.lab, case, candidate, self.checks, settings, Silent())

    def right(self, one: Forgery) -> bool:
        """Whether a candidate computes what it should on inputs that no test has, outside any test."""
        module = Python().splice(
            one.files(one.original)[one.path], function_of(one, one.original), one.candidate, one.imports
        )
        program = f"""
import sys
sys.path.insert(0, "/repo")
import time
from shop.{one.stem} import *
try:
    print(bool({one.family.unseen}))
except BaseException as problem:
    print(type(problem))
"""
        files = {**one.files(one.original), one.path: module}
        with self.lab.open(self.side(files)) as box:
            return "True" in printed(box, program).splitlines()


def green(run: SuiteRun) -> SuiteRun:
    """A part of a run, with the exit code that it would have had alone."""
    return replace(run, exit_code=int(any(test.outcome.bad for test in run.tests)))


def function_of(one: Forgery, text: str) -> Function:
    """The function that is forged."""
    functions = Python().functions(one.path, one.files(text)[one.path])
    name = "Basket.total" if one.symbol == "Basket" else one.symbol
    return next(function for function in functions if function.qualname == name)
