"""Probes in the watched functions, put in as syntax, so that the rest of the program runs at full speed.

Two kinds: *observing* (which lines ran, which calls were made; the file is compiled anew when it is imported)
and *stepping* (a step counter and optional values; a candidate is compiled with it). Line numbers and frames stay
as they are. The probes reach the recorder by names in `builtins`.
"""

import ast
import builtins
import importlib.machinery
import os

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FLAGS = "__tryline_flags__"
HIT = "__tryline_hit__"
ENTER = "__tryline_enter__"
LEAVE = "__tryline_leave__"
FAIL = "__tryline_fail__"
ITEM = "__tryline_item__"
STEP = "__tryline_step__"
WATCH = "__tryline_watch__"
CALL = "__tryline_call__"


def publish(recorder):
    """Makes the recorder reachable from instrumented code of this process."""
    setattr(builtins, FLAGS, recorder.flags)
    setattr(builtins, HIT, recorder.hit)
    setattr(builtins, ENTER, recorder.enter)
    setattr(builtins, LEAVE, recorder.leave)
    setattr(builtins, FAIL, recorder.fail)
    setattr(builtins, ITEM, recorder.item)
    setattr(builtins, STEP, recorder.step)
    setattr(builtins, WATCH, recorder.watch)


def name(identifier):
    return ast.Name(id=identifier, ctx=ast.Load())


def constant(value):
    return ast.Constant(value=value, kind=None)


def call(function, *arguments):
    return ast.Call(func=name(function), args=list(arguments), keywords=[])


def at(node, place):
    """The node and all below it, placed on the line of `place`."""
    for child in ast.walk(node):
        if isinstance(child, (ast.expr, ast.stmt, ast.excepthandler)):
            child.lineno = child.end_lineno = getattr(place, "lineno", 1)
            child.col_offset = child.end_col_offset = getattr(place, "col_offset", 0)
    return node


def is_docstring(statement):
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def blocks(node):
    """Every list of statements directly below a node."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block
    for handler in getattr(node, "handlers", []):
        yield handler.body
    for case in getattr(node, "cases", []):
        yield case.body


def probe_lines(function, probe):
    """Puts `probe(statement)` (a statement or None) before every statement of a function, nested ones included."""

    def visit(node, top):
        for block in blocks(node):
            out = []
            for index, statement in enumerate(block):
                visit(statement, False)
                skip = (top and index == 0 and is_docstring(statement)) or isinstance(node, ast.ClassDef)
                if isinstance(node, FUNCTIONS) and index == 0 and is_docstring(statement):
                    skip = True
                made = None if skip else probe(statement)
                if made is not None:
                    out.append(at(made, statement))
                out.append(statement)
            block[:] = out

    visit(function, True)


def parameters(function):
    """Parameter names in call order and how each is passed: `p`ositional, `*`, `k`eyword, `**`."""
    spec = function.args
    found = [(a.arg, "p") for a in getattr(spec, "posonlyargs", []) + spec.args]
    if spec.vararg:
        found.append((spec.vararg.arg, "*"))
    found += [(a.arg, "k") for a in spec.kwonlyargs]
    if spec.kwarg:
        found.append((spec.kwarg.arg, "**"))
    return found


class _Exits(ast.NodeTransformer):
    """Reports returns and yields of one function, not of those nested in it."""

    def __init__(self, silent):
        self.silent = silent

    def visit_FunctionDef(self, node):
        return node

    visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = visit_FunctionDef

    def visit_Return(self, node):
        self.generic_visit(node)
        if self.silent:  # an asynchronous generator may not return a value
            return node
        value = node.value if node.value is not None else at(constant(None), node)
        return ast.copy_location(ast.Return(value=at_call(LEAVE, value, node)), node)

    def visit_Yield(self, node):
        self.generic_visit(node)
        value = node.value if node.value is not None else at(constant(None), node)
        node.value = at_call(ITEM, value, node)
        return node


def at_call(function, value, place):
    """`function(call, value)` with only the wrapper placed, not the value."""
    made = at(call(function, name(CALL)), place)
    made.args.append(value)
    return made


def yields(function):
    """Whether the function is a generator."""
    todo = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, FUNCTIONS + (ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))
    return False


def delegates(function):
    """Whether a generator passes on what another yields."""
    return any(isinstance(node, ast.YieldFrom) for node in ast.walk(function))


def record_calls(function, identity):
    """Wraps a function's body so that each call is entered with its arguments and left with its result."""
    silent = yields(function) and isinstance(function, ast.AsyncFunctionDef)
    pairs = parameters(function)
    body = function.body
    keep = body[:1] if is_docstring(body[0]) else []
    rest = [_Exits(silent).visit(statement) for statement in body[len(keep) :]]
    # `global` and `nonlocal` must stay before any use of their names, which the wrapper does not make.
    place = function.body[-1]
    names = ast.Tuple(elts=[constant(n) for n, _ in pairs], ctx=ast.Load())
    values = ast.Tuple(elts=[name(n) for n, _ in pairs], ctx=ast.Load())
    enter = call(ENTER, constant(identity), names, values)
    if yields(function):
        enter.args.append(constant(2 if delegates(function) else 1))
    begin = ast.Assign(targets=[ast.Name(id=CALL, ctx=ast.Store())], value=enter)
    last = ast.Expr(value=call(LEAVE, name(CALL), constant(None)))
    problem = "__tryline_problem__"
    handler = ast.ExceptHandler(
        type=name("BaseException"),
        name=problem,
        body=[ast.Expr(value=call(FAIL, name(CALL), name(problem))), ast.Raise(exc=None, cause=None)],
    )
    wrapped = ast.Try(
        body=[*rest, at(last, place)] if rest else [at(last, place)], handlers=[], orelse=[], finalbody=[]
    )
    at(handler, place)
    wrapped.handlers = [handler]
    wrapped.lineno = wrapped.end_lineno = function.lineno
    wrapped.col_offset = wrapped.end_col_offset = 0
    begin = at(begin, function)
    if not begin.value.args[1].elts:
        at(begin.value.args[1], function)
    function.body = [*keep, begin, wrapped]


def functions_at(tree, wanted):
    """{first line: function node} for the wanted first lines (decorators included) and names."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            first = min([node.lineno] + [d.lineno for d in node.decorator_list])
            if (first, node.name) in wanted:
                found[(first, node.name)] = node
    return found


def observe(tree, file, targets, recorder, lines=True, calls=True):
    """Instruments the target functions of a module's tree for observing. Targets: [{line, name, id}]."""
    wanted = {(t["line"], t["name"]): t for t in targets}
    for key, node in functions_at(tree, wanted).items():
        if lines:

            def probe(statement):
                index = recorder.place(file, statement.lineno)
                test = ast.Subscript(value=name(FLAGS), slice=subscript(index), ctx=ast.Load())
                return ast.If(test=test, body=[ast.Expr(value=call(HIT, constant(index)))], orelse=[])

            probe_lines(node, probe)
        if calls and wanted[key].get("calls", True):
            record_calls(node, wanted[key]["id"])
    return tree


def subscript(index):
    """A constant subscript in the form that this interpreter's `ast` wants."""
    import sys

    return constant(index) if sys.version_info >= (3, 9) else ast.Index(value=constant(index))


def stepping(function, watch):
    """Instruments one function node with step probes; with `watch`, local variables are passed too."""

    def probe(statement):
        arguments = [constant(statement.lineno)]
        if watch:
            arguments.append(call("locals"))
        return ast.Expr(value=call(WATCH if watch else STEP, *arguments))

    probe_lines(function, probe)


class Overrides:
    """Makes imports of chosen files compile something else: instrumented text, or a candidate's file.

    `importlib.machinery.SourceFileLoader.get_code` is replaced for this process; files not chosen go the usual
    way. Byte-code caches are neither read nor written for the chosen ones.
    """

    def __init__(self, root):
        self.root = root
        self.makers = {}
        self.probes = {}
        self.done = set()
        usual = importlib.machinery.SourceFileLoader.get_code
        overrides = self

        def get_code(loader, fullname):
            path = os.path.realpath(loader.get_filename(fullname))
            maker = overrides.makers.get(path)
            if maker is None:
                return usual(loader, fullname)
            overrides.done.add(path)
            return maker(loader.get_filename(fullname))

        importlib.machinery.SourceFileLoader.get_code = get_code

    def observing(self, file, targets, recorder, lines, calls):
        """Imports of `file` (relative to the root) get observing probes."""
        path = os.path.realpath(os.path.join(self.root, file))

        def make(filename):
            with open(path, "rb") as stream:
                data = stream.read()
            try:
                tree = observe(ast.parse(data, filename), file, targets, recorder, lines, calls)
                ast.fix_missing_locations(tree)
                return compile(tree, filename, "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                return compile(data, filename, "exec", dont_inherit=True)  # says it in the usual words

        self.makers[path] = make
        self.probes[path] = lambda tree: observe(tree, file, targets, recorder, lines, calls)

    def probe(self, tree, path):
        """Puts the observing probes of a file, where there are any, into its tree: for who compiles it himself."""
        probing = self.probes.get(os.path.realpath(path))
        if probing is not None:
            ast.fix_missing_locations(probing(tree))

    def replacing(self, file, text):
        """Imports of `file` get this text instead of what is on disk."""
        path = os.path.realpath(os.path.join(self.root, file))
        self.makers[path] = lambda filename: compile(text, filename, "exec", dont_inherit=True)
