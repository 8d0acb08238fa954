"""The frame of attacks: who is attacked, through what, how the call is made, and what a red test tells."""

from __future__ import annotations

import ast
from pathlib import Path

from attacked import Tree, made, run

from bot.domain import Call
from bot.languages.python import attacks, functions, witness
from bot.languages.python.attacks.subject import Subject, subject_of, ways


def subject(text: str, name: str, calls: tuple[Call, ...] = ()) -> Subject:
    tree = Tree({"shop/__init__.py": "", "shop/sample.py": text})
    function = next(f for f in functions.functions("shop/sample.py", text) if f.qualname == name)
    found = subject_of(function, text, tree, calls)
    assert found is not None
    return found


def call(source: str, *needs: str) -> Call:
    return Call("tests/t.py::t", "", "", "", "", source=source, needs=needs)


def labels(text: str, name: str) -> list[tuple[str, str]]:
    return [(target.label, target.value) for target in subject(text, name).targets]


def test_names_are_resolved_through_imports() -> None:
    text = "from subprocess import run as r\nimport os.path as p, os\n"
    text += "def f(x):\n    r(x); p.join(x); os.system(x); x.y().z()\n"
    assert {site.name for site in subject(text, "f").sites} == {
        "subprocess.run",
        "os.path.join",
        "os.system",
        "x.y",
        "x.y().z",
    }


def test_calls_are_followed_within_the_file_and_its_class() -> None:
    text = (
        "import os\n"
        "def sh(line):\n    os.system(line)\n"
        "class A:\n"
        "    def f(self, x):\n        self.g(x)\n"
        "    def g(self, x):\n        sh(x)\n"
        "    def h(self, x):\n        os.popen(x)\n"
    )
    names = {site.name: site.inside for site in subject(text, "A.f").sites}
    assert names == {"self.g": "f", "sh": "g", "os.system": "sh"}


def test_payloads_go_where_text_goes() -> None:
    text = (
        "def f(a, b: int, c: str | None, d: bytes, e: list[str], g: 'Path', h=1, *rest, k: bool, **more):\n"
        "    return more['color']\n"
    )
    assert labels(text, "f") == [
        ("a", "payload"),
        ("c", "payload"),
        ("d", "payload.encode()"),
        ("e", "[payload]"),
        ("g", "pathlib.Path(payload)"),
        ("h", "payload"),
        ("rest", "payload"),
        ('more["color"]', "{'color': payload}"),
    ]


def test_items_of_what_holds_them() -> None:
    text = "def f(request, data, order):\n    return request.form.get('a'), data['b'], data.get('c'), order.name\n"
    assert labels(text, "f") == [
        ('request.form["a"]', "StandIn(form={'a': payload})"),
        ('data["b"]', "{'b': payload, 'c': 'zq'}"),
        ('data["c"]', "{'b': 'zq', 'c': payload}"),
        ("order.name", "types.SimpleNamespace(name=payload)"),
    ]


def test_what_is_walked_over() -> None:
    text = (
        "def f(rows, names, filters: dict, text):\n"
        "    for row in rows:\n        yield row['a'], row.get('b')\n"
        "    yield [name + '!' for name in names]\n"
        "    yield [f'{k}={v}' for k, v in filters.items()]\n"
        "    yield [c for c in text if text.isdigit()]\n"
    )
    assert labels(text, "f") == [
        ('rows[0]["a"]', "[{'a': payload, 'b': 'zq'}]"),
        ('rows[0]["b"]', "[{'a': 'zq', 'b': payload}]"),
        ("names", "[payload]"),
        ("filters, a value", "{'zq': payload}"),
        ("text", "payload"),
    ]


def test_services_are_not_attacked() -> None:
    assert labels("def f(conn, x):\n    conn.execute(x)\n", "f") == [("x", "payload")]
    assert labels("def f(api, x):\n    api.upload(x)\n", "f") == [("x", "payload")]


def test_attributes_are_attacked_through_init() -> None:
    text = (
        "class A:\n    def __init__(self, name, db, n: int):\n        self.label = name\n        self.db = db\n"
        "        self.n = n\n    def f(self):\n        self.db.run(self.label, self.n)\n"
    )
    [target] = subject(text, "A.f").targets
    assert (target.label, ways(subject(text, "A.f"), target)) == (
        "self.label",
        ("module.A(name=payload, db=StandIn(), n=1).f()",),
    )


def test_recorded_calls_give_the_other_arguments() -> None:
    text = "def f(x, rates, *, strict, deep=False):\n    return x\n"
    found = subject(text, "f", (call("('a', {'eur': Decimal('1')}, True, True)", "from decimal import Decimal"),))
    assert ways(found, found.targets[0]) == (
        "module.f(x=payload, rates={'eur': Decimal('1')}, strict=True, deep=True)",
        "module.f(x=payload, rates='zq', strict='zq')",
    )
    assert found.needs == ("from decimal import Decimal",)


def test_recorded_calls_that_do_not_fit_are_left_out() -> None:
    text = "def f(x, y):\n    return x\n"
    assert subject(text, "f", (call("(1,)"), call(""), call("not python"), call("x"))).recorded == ()


def test_a_method_is_called_on_an_object_of_its_class() -> None:
    text = (
        "class A:\n    def __init__(self, root, limit: int):\n        pass\n"
        "    def f(self, x):\n        return x\n"
        "    @classmethod\n    def g(cls, x):\n        return x\n"
        "    @staticmethod\n    def h(x):\n        return x\n"
        "    def __i(self, x):\n        return x\n"
    )
    called = {
        name: ways(found, found.targets[0])[0]
        for name in ("A.f", "A.g", "A.h", "A.__i")
        for found in [subject(text, name)]
    }
    made_ = "instance(module.A, lambda: module.A(root=str(tmp_path), limit=1))"
    assert called == {
        "A.f": f"{made_}.f(x=payload)",
        "A.g": "module.A.g(x=payload)",
        "A.h": "module.A.h(x=payload)",
        "A.__i": f"{made_}._A__i(x=payload)",
    }


def test_a_function_without_a_way_in_is_attacked_through_its_callers(tmp_path: Path) -> None:
    text = (
        "import os\n\n\nclass Order:\n    def __init__(self, name):\n        self.name = name\n\n\n"
        "def _pack(order: Order) -> None:\n    os.system('tar ' + order.name)\n\n\n"
        "def pack(name):\n    _pack(Order(name))\n"
    )
    text = text.replace("order.name)", "order.name + str(order))")
    function = next(f for f in functions.functions("shop/c.py", text) if f.qualname == "_pack")
    tree = Tree({"shop/__init__.py": "", "shop/c.py": text})
    found = attacks.attacks(function, text, tree, ())
    assert [(each.parameter, each.line) for each in found if each.cwe == 78] == [("order.name", 10)]
    nested = "import os\ndef outer(name):\n    def inner():\n        os.system('ls ' + name)\n    inner()\n"
    assert [(each.parameter, each.line) for each in made(nested, "outer.<locals>.inner")] == [("name", 4)]
    results = run(tmp_path, {"nested": nested})
    assert results["nested"]
    assert all(each.landed for each in results["nested"])


def test_a_red_test_tells_payload_sink_and_place(tmp_path: Path) -> None:
    text = "import os\ndef sh(line):\n    return os.system(line)\ndef f(x):\n    return sh('ls ' + x)\n"
    [ran] = [each for each in run(tmp_path, {"told": text})["told"] if each.attack.title.startswith("`f`")]
    assert ran.told == {
        "payload": "zq;zq7hit",
        "sink": "a shell: ls zq;zq7hit",
        "stack": [["shop/told.py", 5, "f"], ["shop/told.py", 3, "sh"]],
    }


def test_modules_are_what_a_witness_has_to_be() -> None:
    text = (
        "import os, pickle\nclass A:\n    async def f(self, x, conn):\n        os.system('ls ' + x)\n"
        "        await conn.execute(f'select {x}')\n        return pickle.loads(x), eval(x)\n"
    )
    found = made(text)
    assert {each.cwe for each in found} >= {78, 89, 95, 502}
    for each in found:
        assert witness.test_name(each.code).startswith("test_a_f_")
        assert ast.parse(each.code, feature_version=(3, 8))
        assert len(each.code) < witness.LONGEST


def test_a_few_attacks_are_tried_the_worst_first() -> None:
    text = "import os\ndef f(a, b, c, d, e, g, h, i):\n    os.system(a + b + c + d + e + g + h + i)\n"
    assert len(made(text)) == attacks.MOST
    text = "def f(conn, table, x):\n    conn.execute(f'select {table} {x}')\n    eval(x)\n"
    assert [each.severity for each in made(text)] == ["critical", "critical", "high", "medium"]


def test_recorded_calls_open_the_way(tmp_path: Path) -> None:
    text = """
import os
from dataclasses import dataclass
@dataclass
class Depot:
    kinds: dict
    def pack(self, name, kind, options):
        if options["level"] < self.kinds[kind] or not name.startswith("img"):
            raise ValueError(name)
        os.system("tar " + name)
"""
    source = "(Depot(kinds={'png': 2}), 'img1', 'png', {'level': 3})"
    helper = "def made(kind, /, **state):\n    value = kind.__new__(kind)\n"
    helper += "    vars(value).update(state)\n    return value"
    source = source.replace("Depot(kinds=", "made(shop.depot.Depot, kinds=")
    recorded = [call(source, "import shop.depot", helper)]
    without = [each for each in run(tmp_path / "a", {"depot": text})["depot"] if each.attack.cwe == 78]
    given = run(tmp_path / "b", {"depot": text}, calls={"depot": recorded})["depot"]
    assert not any(each.landed for each in without)
    [ran] = [each for each in given if each.attack.cwe == 78 and each.attack.parameter == "name"]
    assert ran.landed
    assert ran.told["stack"] == [["shop/depot.py", 10, "pack"]]
