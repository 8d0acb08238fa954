"""A value as Python source that a reader can bear, or none where it has none.

What comes out was tried: evaluated again it gives a value that is equal as data (`recorder.canon`). Modules are
named as the repository imports them, and always in full (`shop.Cart(...)` with `import shop`), so that the
expressions of several values can stand in one module.

No method of the repository's classes runs, but for constructors that a decorator of the standard library wrote
(dataclasses, named tuples); with `constructors`, `__init__` of any class may run: in processes that nobody needs.
"""

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import keyword
import math
import pathlib
import re
import sys
import types
import uuid

from tryline_inside import recorder

MAX_SOURCE = 4000
MAX_NODES = 1500
MAX_DEPTH = 20
DEEP = 40
"""How deep values are compared."""
MADE = '''\
def made(kind, /, **state):
    """An instance with these attributes, made without its constructor."""
    value = kind.__new__(kind)
    vars(value).update(state)
    return value'''
"""What a source needs that puts attributes into an instance; the one of `needs` that imports nothing."""
NEEDS = 12
"""How many statements a source may need."""


class Wordless(Exception):
    """The value has no source."""


def express(value, constructors=False):
    """(source, [statements that it needs]) of a value; ("", []) where it has none. Raises nothing of its own."""
    for way in (True, False) if constructors else (False,):
        try:
            writer = _Writer(way)
            source = writer.write(value, MAX_DEPTH)
            needs = recorder.ordered(writer.needs)
            if len(source) <= MAX_SOURCE and len(needs) <= NEEDS:
                if recorder.canon(evaluate(source, needs), DEEP) == recorder.canon(value, DEEP):
                    return source, needs
        except Exception:  # the class may refuse to be made from its attributes
            continue
    return "", []


def evaluate(source, needs):
    """The value of a source, in a namespace of its own."""
    space = {"__name__": "__tryline__"}
    for statement in needs:
        exec(compile(statement, "<needs>", "exec"), space)
    return eval(compile(source, "<source>", "eval"), space)


class _Writer:
    """Writes one value; `needs` collects import statements. Raises Wordless."""

    def __init__(self, constructors):
        self.constructors = constructors
        self.needs = set()
        self.nodes = 0
        self.size = 0
        self.within = []

    def write(self, value, depth):
        self.nodes += 1
        kind = type(value)
        if self.nodes > MAX_NODES or depth <= 0 or self.size > MAX_SOURCE or id(value) in self.within:
            raise Wordless
        plain = PLAIN.get(kind)
        if plain is not None:
            text = plain(value)
            self.size += len(text)
            return text
        self.within.append(id(value))
        try:
            known = KNOWN.get(kind) or LOADED.get((kind.__module__, kind.__qualname__))
            if known is not None:
                return known(self, value, depth - 1)
            return self.other(value, kind, depth - 1)
        finally:
            self.within.pop()

    def items(self, values, depth):
        if len(values) > MAX_SOURCE:
            raise Wordless
        return ", ".join([self.write(value, depth) for value in values])

    def pairs(self, mapping, depth):
        if len(mapping) > MAX_SOURCE:
            raise Wordless
        return ", ".join(
            ["%s: %s" % (self.write(key, depth), self.write(held, depth)) for key, held in mapping.items()]
        )

    def named(self, state, depth, names=None):
        """Keyword arguments."""
        found = []
        for name in state if names is None else names:
            if not (type(name) is str and name.isidentifier() and name not in KEYWORDS):
                raise Wordless
            found.append("%s=%s" % (name, self.write(state[name], depth)))
        return ", ".join(found)

    def module(self, name):
        self.needs.add("import " + name)
        return name

    def reference(self, value):
        """The name of a class or function that can be imported and is this very one."""
        if isinstance(value, type):
            name = type.__dict__["__qualname__"].__get__(value)
        else:
            name = value.__qualname__
        module = value.__module__
        if type(module) is not str or type(name) is not str or "<" in name or module in OURS:
            raise Wordless
        found = vars(sys.modules[module]) if module in sys.modules else {}
        for part in name.split("."):
            step = found.get(part)
            found = type.__dict__["__dict__"].__get__(step) if isinstance(step, type) else {}
        step = step.__func__ if isinstance(step, staticmethod) else step
        if step is not value:
            raise Wordless
        self.size += len(name)
        if module == "builtins":
            return name
        if importable(module):
            return "%s.%s" % (self.module(module), name)
        # A package's own name hides its module: `from .cart import cart`.
        self.needs.add("from %s import %s" % (module, name.split(".")[0]))
        return name

    def other(self, value, kind, depth):
        """Instances of classes, and classes themselves."""
        if isinstance(value, type):
            return self.reference(value)
        if issubclass(kind, enum.Enum):
            return self.member(value, kind)
        if issubclass(kind, tuple):
            return self.named_tuple(value, kind, depth)
        if issubclass(kind, BaseException):
            return self.problem(value, kind, depth)
        if issubclass(kind, pathlib.PurePath) and kind.__module__.split(".")[0] == "pathlib":
            short = "Path" if isinstance(value, pathlib.Path) else kind.__name__
            return "%s.%s(%r)" % (self.module("pathlib"), short, str(value))
        if kind.__module__ == "zoneinfo" and kind.__name__ == "ZoneInfo" and value.key:
            return "%s.ZoneInfo(%r)" % (self.module("zoneinfo"), value.key)
        if "__dataclass_fields__" in kind.__dict__ and dataclasses.is_dataclass(kind):
            made = self.dataclass(value, kind, depth)
            if made:
                return made
        state = dict(recorder.attributes(value, kind))
        if self.constructors:
            made = self.constructed(state, kind, depth)
            if made:
                return made
        if not plain_object(kind):
            raise Wordless
        state = {name: held for name, held in state.items() if not recorder.cached(kind, name)}
        if not state and written(kind, "__init__") is None:
            return self.reference(kind) + "()"
        self.needs.add(MADE)
        inner = self.named(state, depth)
        return "made(%s%s)" % (self.reference(kind), ", " + inner if inner else "")

    def member(self, value, kind):
        members = kind.__dict__.get("_member_map_") or {}
        name = next((name for name, member in members.items() if member is value), None)
        if name is None or not name.isidentifier():
            raise Wordless
        return "%s.%s" % (self.reference(kind), name)

    def named_tuple(self, value, kind, depth):
        names = kind.__dict__.get("_fields")
        maker = written(kind, "__new__")
        if type(names) is not tuple or maker is None or not generated(maker):
            raise Wordless
        held = dict(zip(names, tuple.__iter__(value)))
        return "%s(%s)" % (self.reference(kind), self.named(held, depth))

    def problem(self, value, kind, depth):
        if written(kind, "__init__") is not None or written(kind, "__new__") is not None:
            if not self.constructors:
                raise Wordless
        args = BaseException.__dict__["args"].__get__(value)
        return "%s(%s)" % (self.reference(kind), self.items(args, depth))

    def dataclass(self, value, kind, depth):
        """By its fields, where nothing but what `dataclasses` wrote runs; else empty."""
        maker = written(kind, "__init__")
        by_hand = any(written(kind, name) is not None for name in ("__post_init__", "__new__"))
        if maker is None or not generated(maker) or (by_hand and not self.constructors):
            return ""
        setter = written(kind, "__setattr__")
        if setter is not None and not generated(setter) and not self.constructors:
            return ""
        state = dict(recorder.attributes(value, kind))
        names = []
        for field in kind.__dataclass_fields__.values():
            if not field.init or field._field_type is dataclasses._FIELD_CLASSVAR:
                continue
            if field.name not in state:
                return ""
            names.append(field.name)
        return "%s(%s)" % (self.reference(kind), self.named(state, depth, names))

    def constructed(self, state, kind, depth):
        """By `__init__` given the attributes that are called like its parameters; empty where that is no way."""
        maker = written(kind, "__init__")
        if maker is None or written(kind, "__new__") is not None or not plain_object(kind):
            return ""
        code = maker.__code__
        if code.co_flags & 0x0C or getattr(code, "co_posonlyargcount", 0) > 1:  # *args, **named
            return ""
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        first_default = code.co_argcount - len(maker.__defaults__ or ())
        held = {}
        for index, name in enumerate(names, 1):
            keys = (name, "_" + name, "_%s__%s" % (kind.__name__.lstrip("_"), name))
            key = next((key for key in keys if key in state), None)
            if key is not None:
                held[name] = state[key]
            elif not (first_default <= index < code.co_argcount or name in (maker.__kwdefaults__ or {})):
                return ""
        return "%s(%s)" % (self.reference(kind), self.named(held, depth))


KEYWORDS = frozenset(keyword.kwlist)
OURS = ("__main__", "__tryline__")
"""Modules that another process does not have."""


def importable(module):
    """Whether `import a.b` makes `a.b` the module of that name."""
    top, _, rest = module.partition(".")
    found = sys.modules.get(top)
    for part in rest.split(".") if rest else ():
        found = vars(found).get(part) if isinstance(found, types.ModuleType) else None
    return found is not None and found is sys.modules.get(module)


def written(kind, name):
    """A method of a class that is written in Python, or None: the built-in types' are not."""
    found = next((owner.__dict__[name] for owner in kind.__mro__ if name in owner.__dict__), None)
    found = found.__func__ if isinstance(found, staticmethod) else found
    return found if isinstance(found, types.FunctionType) else None


def generated(function):
    """Whether a function was made from text by the standard library."""
    return function.__code__.co_filename.startswith(("<string>", "<attrs generated"))


def plain_object(kind):
    """Whether a class's instances are a `__dict__` and nothing else."""
    if not recorder.visible(kind) or written(kind, "__new__") is not None:
        return False
    slots = any(
        type(held) is types.MemberDescriptorType for owner in kind.__mro__ for held in owner.__dict__.values()
    )
    return not slots and "__dict__" in dir_of(kind)


def dir_of(kind):
    """Names in the dictionaries of a class and those above it, `object` apart."""
    return {name for owner in kind.__mro__[:-1] for name in owner.__dict__}


# -------------------------------------------------------------------------------------- the standard library


def _int(value):
    if value.bit_length() > 4000:
        raise Wordless
    return repr(value)


def _float(value):
    return repr(value) if math.isfinite(value) else 'float("%r")' % value


def _complex(value):
    if math.isfinite(value.real) and math.isfinite(value.imag) and value.real:
        return repr(value)
    return "complex(%s, %s)" % (_float(value.real), _float(value.imag))


def _text(value):
    if len(value) > MAX_SOURCE:
        raise Wordless
    return repr(value)


PLAIN = {
    type(None): repr,
    bool: repr,
    int: _int,
    float: _float,
    complex: _complex,
    str: _text,
    bytes: _text,
    bytearray: _text,
    range: repr,
    type(...): lambda value: "...",
    type(NotImplemented): repr,
}


def _tuple(writer, value, depth):
    return "(%s%s)" % (writer.items(value, depth), "," if len(value) == 1 else "")


def _set(writer, value, depth):
    return "{%s}" % ", ".join(sorted(writer.write(item, depth) for item in value)) if value else "set()"


def _frozenset(writer, value, depth):
    return "frozenset(%s)" % (_set(writer, value, depth) if value else "")


def _slice(writer, value, depth):
    return "slice(%s)" % writer.items((value.start, value.stop, value.step), depth)


def _moment(writer, value, depth):
    if isinstance(value, (datetime.datetime, datetime.time)) and value.tzinfo is not None:
        zone = value.tzinfo
        if type(zone) is not datetime.timezone:
            inner = writer.write(zone, depth)  # refuses what it does not know
            bare = repr(value.replace(tzinfo=None))
            writer.module("datetime")
            return "%s, tzinfo=%s)" % (bare[:-1], inner)
    writer.module("datetime")
    return repr(value)


def _decimal(writer, value, depth):
    return "%s.Decimal('%s')" % (writer.module("decimal"), decimal.Decimal.__str__(value))


def _fraction(writer, value, depth):
    if type(value) is not sys.modules["fractions"].Fraction:
        raise Wordless
    return "%s.Fraction(%d, %d)" % (writer.module("fractions"), value.numerator, value.denominator)


def _uuid(writer, value, depth):
    return "%s.UUID('%s')" % (writer.module("uuid"), value)


def _pattern(writer, value, depth):
    usual = re.compile(value.pattern[:0]).flags
    flags = [
        "re.%s" % name
        for name in ("IGNORECASE", "MULTILINE", "DOTALL", "VERBOSE", "ASCII", "LOCALE")
        if value.flags & ~usual & getattr(re, name)
    ]
    inner = " | ".join(flags)
    return "%s.compile(%r%s)" % (writer.module("re"), value.pattern, ", " + inner if inner else "")


def _counter(writer, value, depth):
    return "%s.Counter({%s})" % (writer.module("collections"), writer.pairs(value, depth))


def _ordered(writer, value, depth):
    return "%s.OrderedDict([%s])" % (writer.module("collections"), writer.items(list(value.items()), depth))


def _deque(writer, value, depth):
    most = "" if value.maxlen is None else ", maxlen=%d" % value.maxlen
    return "%s.deque([%s]%s)" % (writer.module("collections"), writer.items(list(value), depth), most)


def _defaultdict(writer, value, depth):
    factory = writer.write(value.default_factory, depth)
    return "%s.defaultdict(%s, {%s})" % (writer.module("collections"), factory, writer.pairs(value, depth))


def _namespace(writer, value, depth):
    return "%s.SimpleNamespace(%s)" % (writer.module("types"), writer.named(vars(value), depth))


def _partial(writer, value, depth):
    parts = [writer.write(value.func, depth), writer.items(value.args, depth), writer.named(value.keywords, depth)]
    return "%s.partial(%s)" % (writer.module("functools"), ", ".join(part for part in parts if part))


def _builtin(writer, value, depth):
    owner = value.__self__
    if not isinstance(owner, types.ModuleType):
        raise Wordless
    return writer.reference(value)


KNOWN = {
    list: lambda writer, value, depth: "[%s]" % writer.items(value, depth),
    tuple: _tuple,
    dict: lambda writer, value, depth: "{%s}" % writer.pairs(value, depth),
    set: _set,
    frozenset: _frozenset,
    slice: _slice,
    datetime.datetime: _moment,
    datetime.date: _moment,
    datetime.time: _moment,
    datetime.timedelta: _moment,
    datetime.timezone: _moment,
    decimal.Decimal: _decimal,
    uuid.UUID: _uuid,
    type(re.compile("")): _pattern,
    collections.Counter: _counter,
    collections.OrderedDict: _ordered,
    collections.deque: _deque,
    collections.defaultdict: _defaultdict,
    types.SimpleNamespace: _namespace,
    functools.partial: _partial,
    types.FunctionType: lambda writer, value, depth: writer.reference(value),
    types.BuiltinFunctionType: _builtin,
    types.ModuleType: lambda writer, value, depth: writer.module(value.__name__),
}

LOADED = {("fractions", "Fraction"): _fraction}
"""Types of modules that only a value of theirs is a reason to load."""
