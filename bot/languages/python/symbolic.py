"""Two versions of a function side by side as modules, and the program that has CrossHair compare them.

CrossHair (https://crosshair.readthedocs.io) runs both versions on symbolic arguments and asks a solver for values
that lead them apart. It lies in a folder of its own in the image, behind everything else on the path of this one
program: what the repository installed comes first, and no other run sees it.
"""

from __future__ import annotations

import posixpath
import textwrap

from bot.domain import Function
from bot.languages import Answered, Comparison, Files, Unparsable
from bot.languages.python import functions, regression, witness

REQUIREMENT = "crosshair-tool==0.0.113"
FOLDER = "/venv/crosshair"
PYTHON = "/venv/bin/python"

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


def comparison(function: Function, files: Files, old: Answered, new: Answered, seconds: float) -> Comparison:
    """See `Language.comparison`."""
    if function.enclosing:
        raise Unparsable("it stands in a class or in another function")
    if function.is_async or function.is_generator:
        raise Unparsable("it is a coroutine or a generator")
    taken = regression.parameters(function)
    if not taken or any(not parameter.annotation for parameter in taken):
        raise Unparsable("not all of its parameters have types" if taken else "it has no parameters")
    module = witness.module_of(function.path, files)
    folder, name = posixpath.split(function.path.removesuffix(".py"))
    package = module if name == "__init__" else module.rpartition(".")[0]
    written: dict[str, str] = {}
    targets: list[str] = []
    for word, version in (("old", old), ("new", new)):
        sibling = f"tryline_{word}_{name.strip('_')}"
        written[posixpath.join(folder, f"{sibling}.py")] = beside(module, version)
        targets.append(".".join(part for part in (package, sibling, witness.bare(function)) if part))
    argv = (PYTHON, "-c", PROGRAM, FOLDER, module, *targets, f"{seconds:g}")
    return Comparison(written, argv)


def beside(module: str, version: Answered) -> str:
    """A module that holds one version and everything that the function's own module holds.

    Classes are shared with it, so that objects of both versions can be equal.
    """
    text = "\n".join(
        [
            "from __future__ import annotations",
            "",
            "import importlib",
            "",
            f"for tryline_name, tryline_value in vars(importlib.import_module({module!r})).items():",
            '    if not (tryline_name.startswith("__") and tryline_name.endswith("__")):',
            "        globals()[tryline_name] = tryline_value",
            *version.imports,
            "",
            "",
            textwrap.dedent(version.source).replace("\r\n", "\n"),
        ]
    )
    functions.parse(text)
    return text
