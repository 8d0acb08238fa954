"""A candidate's code put into the live function objects of the process that collected the tests.

The unit of a swap is the outermost function around the target (the target itself for plain functions and
methods): its code object holds those of the functions nested in it. Every function object that has the old code
is changed, so copies made by `from m import f` and originals held by decorators run the candidate too.
"""

import __future__

import ast
import gc
import types

from tryline_inside import instrument

FUTURE = 0
for _feature in __future__.all_feature_names:
    FUTURE |= getattr(__future__, _feature).compiler_flag


class Unswappable(Exception):
    """The candidate cannot be put in place in this process; it must be run in a fresh one."""


class Unit:
    """One swappable unit: where it stands, its text, and the live functions that run it.

    `spec`: file, line (first line, decorators included), name, classes (names of enclosing classes),
    source (the unit's text as it stands in the file), target_line and target_name (the function to probe).
    """

    def __init__(self, spec, root):
        self.spec = spec
        self.file = root + "/" + spec["file"]
        self.functions = [
            f for f in gc.get_objects() if type(f) is types.FunctionType and self.is_ours(f.__code__)
        ]
        self.flags = self.functions[0].__code__.co_flags & FUTURE if self.functions else 0
        self.node = self.parse(spec["source"])[1] if self.functions else None

    def is_ours(self, code):
        return (
            code.co_firstlineno == self.spec["line"]
            and code.co_name == self.spec["name"]
            and code.co_filename == self.file
        )

    def parse(self, source):
        """(tree, node of the unit) of a unit's text put below headers of its classes, lines as in the file."""
        first = source[: len(source) - len(source.lstrip(" \t"))].rsplit("\n", 1)[-1]
        mark = "\t" if first.startswith("\t") else " "
        headers = ["class %s:" % name for name in self.spec["classes"]]
        if first and not headers:
            headers = ["if 1:"]
        text = "".join("%s%s\n" % (mark * level, header) for level, header in enumerate(headers))
        tree = ast.parse(text + source, self.file)
        node = tree
        for _ in headers + [source]:
            if len(node.body) != 1:
                raise Unswappable("the text is more than one function")
            node = node.body[0]
        if not isinstance(node, instrument.FUNCTIONS) or node.name != self.spec["name"]:
            raise Unswappable("the text is not one function named %s" % self.spec["name"])
        ast.increment_lineno(tree, self.spec["line"] - 1 - len(headers))
        return tree, node

    def compile(self, source, watch=False, record="", probes=True):
        """(code, defaults or None) of a candidate. Raises SyntaxError, Unswappable."""
        tree, node = self.parse(source)
        if type(node) is not type(self.node) or dump(*node.decorator_list) != dump(*self.node.decorator_list):
            raise Unswappable("its decorators, or whether it is asynchronous, are not as they were")
        new_defaults = None
        if dump(node.args) != dump(self.node.args):
            new_defaults = self.literal_defaults(node)
        target = self.target(node)
        if probes:
            instrument.stepping(target, watch)
        if record:
            instrument.record_calls(target, record)
        ast.fix_missing_locations(tree)
        module = compile(tree, self.file, "exec", flags=self.flags, dont_inherit=True)
        code = find(module, self.spec["line"], self.spec["name"])
        if code is None:
            raise Unswappable("no code object came out of the text")
        for function in self.functions:
            if function.__code__.co_freevars != code.co_freevars:
                raise Unswappable("it needs other variables of the enclosing scope")
        return code, new_defaults

    def decorated(self, source):
        """What a text with decorators of its own makes: a callable of its own, beside the live functions.

        Only for plain functions of a module. Raises SyntaxError, Unswappable.
        """
        tree, node = self.parse(source)
        if self.spec["classes"] or self.spec.get("target_path") or tree.body != [node]:
            raise Unswappable("its decorators are not as they were, and it is not a module's own function")
        module = compile(tree, self.file, "exec", flags=self.flags, dont_inherit=True)
        names = {}
        try:
            exec(module, self.functions[0].__globals__, names)
        except Exception as problem:  # a decorator may want anything
            raise Unswappable("its decorators refuse: %s" % type(problem).__name__)
        made = names.get(self.spec["name"])
        if not callable(made):
            raise Unswappable("its decorators make something that is no function")
        return made

    def plainly(self, source):
        """Whether a text has the decorators that the live function has. Raises SyntaxError, Unswappable."""
        return dump(*self.parse(source)[1].decorator_list) == dump(*self.node.decorator_list)

    def target(self, node):
        """The function to probe: the unit or one nested in it, by name and order."""
        if not self.spec.get("target_path"):
            return node
        for step in self.spec["target_path"]:
            name, index = step
            same = [
                n
                for n in ast.walk(node)
                if isinstance(n, instrument.FUNCTIONS) and n is not node and n.name == name
            ]
            same.sort(key=lambda n: n.lineno)
            if index >= len(same):
                raise Unswappable("no function %s inside the text" % name)
            node = same[index]
        return node

    def literal_defaults(self, node):
        """Defaults as values when they are literals. Raises Unswappable otherwise."""
        try:
            plain = tuple(ast.literal_eval(value) for value in node.args.defaults)
            named = {
                argument.arg: ast.literal_eval(value)
                for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults)
                if value is not None
            }
        except ValueError:
            raise Unswappable("its default values are not literals")
        return plain or None, named or None

    def install(self, code, defaults):
        """Puts code and defaults into every live function."""
        for function in self.functions:
            function.__code__ = code
            if defaults is not None:
                function.__defaults__, function.__kwdefaults__ = defaults


def dump(*nodes):
    """A text that is equal for nodes that are equal apart from where they stand."""
    return "".join(ast.dump(node) for node in nodes)


def find(code, line, name):
    """The code object with this first line and name, however deep."""
    todo = [code]
    while todo:
        item = todo.pop()
        if item.co_name == name and item.co_firstlineno == line:
            return item
        todo.extend(constant for constant in item.co_consts if isinstance(constant, types.CodeType))
    return None
