"""Two versions of a function side by side as modules, and the program that has CrossHair compare them.

CrossHair (https://crosshair.readthedocs.io) runs both versions on symbolic arguments and asks a solver for values
that lead them apart. It lies in a folder of its own in the image, behind everything else on the path of this one
program: what the repository installed comes first, and no other run sees it.
"""

from __future__ import annotations

import ast
import posixpath
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from bot.domain import Function
from bot.languages import Answered, Comparison, Files, Parameter, Unparsable
from bot.languages.python import functions, regression, witness

REQUIREMENT = "crosshair-tool==0.0.113"
FOLDER = "/venv/crosshair"
PYTHON = "/venv/bin/python"
TYPING = "tryline_typing"
PLAIN = (bool, int, float, str, bytes, type(None))

PROGRAM = """
import ast, builtins, importlib, json, sys

folder, module, old, new, seconds = sys.argv[1:]
sys.path.append(folder)
told = {"paths": 0, "returned": 0, "exhausted": False, "needs": [], "inputs": [], "why": "it did not start"}


def say(why):
    # The last line counts: what the repository prints comes before it.
    told["why"] = why
    sys.__stdout__.write("\\n" + json.dumps(told) + "\\n")
    sys.__stdout__.flush()


try:
    from crosshair import diff_behavior, main
except ImportError:
    say("absent")
    sys.exit(2)
plain, compare = diff_behavior.describe_behavior, diff_behavior.diff_behavior


def described(function, arguments):
    result, error = plain(function, arguments)
    if error is None:
        told["returned"] += 1
    return result, error


def compared(one, other, options, *rest, **more):
    found = compare(one, other, options, *rest, **more)
    told["paths"] = options.stats["num_paths"]
    told["exhausted"] = options.stats["exhaustion"] > 1  # by either version's paths
    if not isinstance(found, str):
        for difference in found[:8]:
            told["inputs"].append("(%s)" % "".join(value + ", " for value in difference.args.values()))
    return found


def needed():
    # What the arguments name stands in the function's own module, or is built in.
    known = vars(importlib.import_module(module))
    for text in told["inputs"]:
        for node in ast.walk(ast.parse(text, mode="eval")):
            if isinstance(node, ast.Name) and not hasattr(builtins, node.id) and node.id in known:
                yield "from %s import %s" % (module, node.id)


diff_behavior.describe_behavior, main.diff_behavior = described, compared
command = ["diffbehavior", "--per_condition_timeout", seconds, "--exception_equivalence", "SAME_TYPE", old, new]
code = 2
try:
    main.main(command)
except SystemExit as end:
    code = end.code
try:
    told["needs"] = sorted(set(needed()))
except Exception:
    pass
say("" if code in (0, 1) else "crosshair could not compare them")
sys.exit(code)
"""
"""Its own command line, with three things told that it keeps to itself: on how many paths a version returned,
whether all paths were seen, and the arguments in a form that can be evaluated again."""


def comparison(
    function: Function, files: Files, old: Answered, new: Answered, calls: Sequence[str], seconds: float
) -> Comparison:
    """See `Language.comparison`."""
    if function.enclosing:
        raise Unparsable("it stands in a class or in another function")
    if function.is_async or function.is_generator:
        raise Unparsable("it is a coroutine or a generator")
    taken = regression.parameters(function)
    if not taken:
        raise Unparsable("it has no parameters")
    types = missing_types(taken, calls)
    module = witness.module_of(function.path, files)
    folder, name = posixpath.split(function.path.removesuffix(".py"))
    package = module if name == "__init__" else module.rpartition(".")[0]
    written: dict[str, str] = {}
    targets: list[str] = []
    for word, version in (("old", old), ("new", new)):
        sibling = f"tryline_{word}_{name.strip('_')}"
        written[posixpath.join(folder, f"{sibling}.py")] = beside(module, version, types)
        targets.append(".".join(part for part in (package, sibling, witness.bare(function)) if part))
    argv = (PYTHON, "-c", PROGRAM, FOLDER, module, *targets, f"{seconds:g}")
    return Comparison(written, argv)


def beside(module: str, version: Answered, types: Mapping[str, str]) -> str:
    """A module that holds one version and everything that the function's own module holds.

    Classes are shared with it, so that objects of both versions can be equal. `types` are annotations that
    parameters get.
    """
    source = textwrap.dedent(version.source).replace("\r\n", "\n")
    text = "\n".join(
        [
            "from __future__ import annotations",
            "",
            "import importlib",
            f"import typing as {TYPING}",
            "",
            f"for tryline_name, tryline_value in vars(importlib.import_module({module!r})).items():",
            '    if not (tryline_name.startswith("__") and tryline_name.endswith("__")):',
            "        globals()[tryline_name] = tryline_value",
            *version.imports,
            "",
            "",
            annotated(source, types) if types else source,
        ]
    )
    functions.parse(text)
    return text


# ------------------------------------------------------------------------------------ types that nobody wrote


def missing_types(taken: Sequence[Parameter], calls: Sequence[str]) -> Mapping[str, str]:
    """Types for parameters without, as recorded calls (source of tuples) show them. Raises Unparsable."""
    bare = {place: parameter for place, parameter in enumerate(taken) if not parameter.annotation}
    if not bare:
        return {}
    given = [node.elts for call in calls if isinstance(node := witness.expression(call, "a call"), ast.Tuple)]
    found: dict[str, str] = {}
    for place, parameter in bare.items():
        seen = type_of([row[place] for row in given if len(row) == len(taken)])
        if not seen or parameter.kind in ("*", "**"):
            raise Unparsable("not all of its parameters have types, nor do recorded calls show plain ones")
        found[parameter.name] = seen
    return found


def type_of(nodes: Sequence[ast.expr]) -> str:
    """The type of all these plain values; empty where one of them is none, or nothing is known of its items."""
    kinds = dict.fromkeys(kind_of(node) for node in nodes)
    parts: list[str] = []
    for kind in kinds:
        same = [node for node in nodes if kind_of(node) == kind]
        if kind in ("list", "set"):
            items = [type_of([item for node in same for item in items_of(node)])]
        elif kind == "dict":
            rows = [node for node in same if isinstance(node, ast.Dict)]
            keys = [key for row in rows for key in row.keys if key is not None]
            items = [type_of(keys), type_of([value for row in rows for value in row.values])]
        elif kind == "tuple":
            columns = list(zip(*(items_of(node) for node in same), strict=False))
            alike = len({len(list(items_of(node))) for node in same}) == 1
            items = [type_of(column) for column in columns] if alike else [""]
        else:
            items = []
        if not kind or not all(items) or (kind in ("list", "set", "dict", "tuple") and not items):
            return ""
        generic = {"list": "List", "set": "Set", "dict": "Dict", "tuple": "Tuple"}.get(kind)
        parts.append(f"{TYPING}.{generic}[{', '.join(items)}]" if generic else kind)
    return f"{TYPING}.Union[{', '.join(parts)}]" if len(parts) > 1 else "".join(parts)


def kind_of(node: ast.expr) -> str:
    """The name of a plain value's type; empty for any other value."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    if isinstance(node, ast.Constant):
        return next((kind.__name__.replace("NoneType", "None") for kind in PLAIN if type(node.value) is kind), "")
    shapes = {ast.List: "list", ast.Set: "set", ast.Dict: "dict", ast.Tuple: "tuple"}
    return shapes.get(type(node), "")


def items_of(node: ast.expr) -> Iterable[ast.expr]:
    """What stands in a list, set or tuple."""
    return node.elts if isinstance(node, ast.List | ast.Set | ast.Tuple) else ()


def annotated(source: str, types: Mapping[str, str]) -> str:
    """The function with these annotations of its parameters."""
    tree = functions.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                if each.arg in types and each.annotation is None:
                    each.annotation = witness.expression(types[each.arg], "a type")
    return ast.unparse(tree) + "\n"
