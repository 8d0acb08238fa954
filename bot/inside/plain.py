"""Plain data as JSON, between two processes of which one trusts nothing that the other says.

What crosses is made anew from its parts: the built-in types, dates, decimals and the like, each of exactly that
type; members of enumerations, named tuples, and instances of classes that both sides know, made without their
constructors from attributes that are plain. Whatever else it may be (a subclass, a function, a file, an iterator)
is not plain. A pickle never crosses.

A node is null, a boolean, a number, a text, or a list whose first item is a tag. Values that can be met again (the
containers) are numbered in the order in which they are begun, on both sides alike: `["r", n]` is the nth of the
same message, `["i", n]` the nth of the message that this one answers.
"""

import collections
import enum
import types

from tryline_inside import atoms, kinds

NotPlain = atoms.NotPlain
Garbled = atoms.Garbled
MAX_DEPTH = 60
MAX_NODES = 100_000
NAMED = (type, types.FunctionType, types.BuiltinFunctionType)


class Packer:
    """Makes nodes of the values of one message; `kept` are its containers by number."""

    def __init__(self, outside=(), landmarks=None):
        self.landmarks = landmarks
        self.kept = []
        self.numbers = {}
        self.unfinished = set()
        self.outside = {id(value): number for number, value in enumerate(outside)}
        self.nodes = 0
        self.depth = 0

    def pack(self, value):
        """The node of a value. Raises NotPlain."""
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return value if -atoms.WIDE < value < atoms.WIDE else ["n", "%x" % value]
        if kind is str:
            return value if value.isascii() else atoms.text_node(value)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise NotPlain("it is more than %d values" % MAX_NODES)
        if id(value) in self.outside:
            return ["i", self.outside[id(value)]]
        leaf = atoms.LEAVES.get(kind)
        if leaf is not None:
            return leaf(self, value)
        if id(value) in self.numbers:
            if id(value) in self.unfinished:
                raise NotPlain("a %s refers to itself" % atoms.kind_name(kind))
            return ["r", self.numbers[id(value)]]
        return self.container(value, kind)

    def container(self, value, kind):
        """The node of what is met for the first time."""
        if self.depth >= MAX_DEPTH:
            raise NotPlain("it is nested deeper than %d levels" % MAX_DEPTH)
        tag = TAGS.get(kind)
        head = [tag, *made_with(value, kind)] if tag else self.head(value, kind)
        self.numbers[id(value)] = len(self.kept)
        self.kept.append(value)
        frozen = head[0] in ("t", "f", "T")
        if frozen:
            self.unfinished.add(id(value))
        self.depth += 1
        if head[0] != "k":
            head += self.contents(value)
        self.depth -= 1
        if frozen:
            self.unfinished.discard(id(value))
        return head

    def head(self, value, kind):
        """[tag, number], or [tag, module, name of the class or thing], of what is no built-in container.

        Raises NotPlain.
        """
        known = self.landmarks.numbers.get(id(value)) if self.landmarks is not None else None
        if known is not None and not (kinds.is_simple(kind) and kinds.state_of(value)):
            return ["k", known]
        try:
            return self.named_head(value, kind)
        except NotPlain:
            if known is None:
                raise
            return ["k", known]

    def named_head(self, value, kind):
        """[tag, module, name]. Raises NotPlain."""
        if kind in NAMED or kinds.is_class(value):
            return ["g"] + self.reference(value)
        if issubclass(kind, enum.Enum) and type(value._name_) is str:
            return ["e"] + self.reference(kind)
        if kinds.is_named_tuple(kind) and not kinds.space_of(value):
            return ["T"] + self.reference(kind)
        if kinds.is_simple(kind) and not kinds.is_judges(kind):
            return ["o"] + self.reference(kind)
        raise NotPlain("a value of class %s" % atoms.kind_name(kind))

    @staticmethod
    def reference(thing):
        """[module, name] by which the other side finds a class or function. Raises NotPlain."""
        module, path = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
        try:
            if kinds.named(module, path) is thing:
                return [module, path]
        except NotPlain:
            pass
        raise NotPlain("%s.%s has no place of its own" % (module, path))

    def contents(self, value):
        """Nodes of what a container holds."""
        kind = type(value)
        if kind in DICTS:
            return [self.pack(part) for pair in value.items() for part in pair]
        if kind is bytearray:
            return [value.hex()]
        if kind is collections.deque:
            return [self.pack(part) for part in value]
        if kind in NAMED or kinds.is_class(value):
            return []
        if isinstance(value, enum.Enum):
            return [self.pack(value._name_)]
        if isinstance(value, (list, set, frozenset)):
            return [self.pack(part) for part in value]
        if isinstance(value, tuple):
            return [self.pack(part) for part in tuple.__iter__(value)]
        return [self.pack(part) for pair in kinds.state_of(value).items() for part in pair]


class Unpacker:
    """Makes values of the nodes of one message; `made` are its containers by number.

    `outside`: the containers of the message that this one answers. `welcome`: tells of a class whether an instance
    may be made of it because the other side says so; None where the other side is trusted.
    """

    def __init__(self, outside=(), welcome=None, landmarks=None):
        self.landmarks = landmarks
        self.outside = outside
        self.welcome = welcome
        self.made = []
        self.depth = 0

    def unpack(self, node):
        """The value of a node. Raises Garbled, and NotPlain for a class that is unknown or unwelcome."""
        kind = type(node)
        if node is None or kind is bool or kind is float or kind is int or kind is str:
            return node
        if kind is not list or not node or type(node[0]) is not str:
            raise Garbled("no node")
        tag, parts = node[0], node[1:]
        if tag in ("r", "i"):
            return self.known(self.made if tag == "r" else self.outside, parts)
        if tag in atoms.BUILDERS:
            try:
                return atoms.BUILDERS[tag](self, *parts)
            except (TypeError, ValueError, ArithmeticError, LookupError) as problem:
                raise Garbled("no value of tag %s: %s" % (tag, type(problem).__name__))
        return self.container(tag, parts)

    def known(self, values, parts):
        """A container that is there already."""
        if len(parts) != 1 or type(parts[0]) is not int or not 0 <= parts[0] < len(values):
            raise Garbled("no such value")
        if values[parts[0]] is UNFINISHED:
            raise Garbled("a value within itself")
        return values[parts[0]]

    def container(self, tag, parts):
        """A container of its tag and what it holds."""
        if self.depth >= MAX_DEPTH:
            raise Garbled("nested too deep")
        kind = None
        if tag == "k" and self.landmarks is not None and len(parts) == 1:
            self.made.append(self.landmarks.value(parts[0], self.welcome is None))
            return self.made[-1]
        if tag in ("g", "e", "T", "o"):
            kind = self.kind(tag, parts)
            parts = parts[2:]
        elif tag not in EMPTY:
            raise Garbled("an unknown tag")
        number = len(self.made)
        if tag == "o":
            self.made.append(bare(kind))
        elif tag in ("F", "Q"):
            self.made.append(empty(tag, parts[:1]))
            parts = parts[1:]
        else:
            self.made.append(EMPTY[tag]() if EMPTY.get(tag) in CHANGING else UNFINISHED)
        self.depth += 1
        if tag == "g":
            self.made[number] = kind
        elif tag == "e":
            self.made[number] = member(kind, parts)
        elif tag == "T":
            self.made[number] = row(kind, self.parts(parts))
        elif tag in ("t", "f"):
            self.made[number] = hashed(EMPTY[tag], self.parts(parts))
        else:
            fill(self.made[number], self.held(self.made[number], parts))
        self.depth -= 1
        return self.made[number]

    def kind(self, tag, parts):
        """The class (or thing) that a node names. Raises NotPlain, Garbled."""
        if len(parts) < 2:
            raise Garbled("no name")
        kind = kinds.named(parts[0], parts[1])
        if tag == "g":
            if self.welcome is not None:
                raise NotPlain("%s.%s itself" % (parts[0], parts[1]))
            return kind
        fits = {"e": lambda k: issubclass(k, enum.Enum), "T": kinds.is_named_tuple, "o": kinds.is_simple}[tag]
        if not kinds.is_class(kind) or not fits(kind):
            raise Garbled("a class of another kind")
        if self.welcome is not None and (kinds.is_judges(kind) or not self.welcome(kind)):
            raise NotPlain("a new value of class %s" % atoms.kind_name(kind))
        return kind

    def parts(self, nodes):
        """The values of nodes."""
        return [self.unpack(node) for node in nodes]

    def held(self, value, nodes):
        """What a mutable container is to hold, from its nodes: read whole before anything is changed."""
        if type(value) is bytearray:
            try:
                (text,) = nodes
                return bytes.fromhex(text)
            except (ValueError, TypeError):
                raise Garbled("no bytes")
        parts = self.parts(nodes)
        if type(value) in (list, collections.deque):
            return parts
        if type(value) is set:
            return hashed(set, parts)
        if len(parts) % 2:
            raise Garbled("a key without a value")
        return pairs(parts, texts=type(value) not in DICTS)


UNFINISHED = object()
EMPTY = {
    "l": list,
    "d": dict,
    "s": set,
    "B": bytearray,
    "t": tuple,
    "f": frozenset,
    "O": collections.OrderedDict,
    "W": collections.Counter,
    "F": collections.defaultdict,
    "Q": collections.deque,
}
TAGS = {kind: tag for tag, kind in EMPTY.items()}
DICTS = (dict, collections.OrderedDict, collections.Counter, collections.defaultdict)
FACTORIES = {"": None, **{kind.__name__: kind for kind in (list, dict, set, int, float, str, tuple)}}
CHANGING = (list, set, bytearray, collections.deque, *DICTS)


def made_with(value, kind):
    """What a container of this kind needs to be made, besides what it holds. Raises NotPlain."""
    if kind is collections.deque:
        return [value.maxlen]
    if kind is collections.defaultdict:
        name = getattr(value.default_factory, "__name__", "")
        if FACTORIES.get(name) is not value.default_factory:
            raise NotPlain("a defaultdict of its own kind")
        return [name]
    return []


def empty(tag, parts):
    """A container that `made_with` tells of, empty. Raises Garbled."""
    (part,) = parts or [Garbled]
    if tag == "F" and type(part) is str and part in FACTORIES:
        return collections.defaultdict(FACTORIES[part])
    if tag == "Q" and (part is None or (type(part) is int and 0 <= part < 1 << 31)):
        return collections.deque(maxlen=part)
    raise Garbled("a container that cannot be made")


def bare(kind):
    """An instance without attributes. Raises Garbled."""
    try:
        return object.__new__(kind)
    except TypeError:  # of an abstract class, say
        raise Garbled("a class without instances")


def hashed(kind, parts):
    """A container of values that may not be hashable. Raises Garbled."""
    try:
        return kind(parts)
    except TypeError:
        raise Garbled("a member that cannot be one")


def pairs(parts, texts):
    """A dictionary of keys and values in turn. Raises Garbled."""
    if texts and not all(type(key) is str for key in parts[::2]):
        raise Garbled("an attribute without a name")
    try:
        return dict(zip(parts[::2], parts[1::2]))
    except TypeError:
        raise Garbled("a key that cannot be one")


def member(kind, parts):
    """A member of an enumeration, by its name. Raises Garbled."""
    if len(parts) != 1 or type(parts[0]) is not str or parts[0] not in kind._member_map_:
        raise Garbled("no such member")
    return kind._member_map_[parts[0]]


def row(kind, parts):
    """A named tuple. Raises Garbled."""
    if len(parts) != len(kind._fields):
        raise Garbled("not as many fields")
    return tuple.__new__(kind, parts)


def fill(value, held):
    """Replaces what a mutable container holds."""
    kind = type(value)
    if kind is list or kind is bytearray:
        value[:] = held
    elif kind is set:
        value.clear()
        value.update(held)
    elif kind is collections.deque:
        value.clear()
        value.extend(held)
    elif kind in DICTS:
        value.clear()
        for key, item in held.items():  # `update` of a counter adds
            value[key] = item
    else:
        kinds.give_state(value, held)


def is_mutable(value):
    """Whether a container may change."""
    kind = type(value)
    return kind in (list, dict, set, bytearray) or (
        not kinds.is_class(value) and kinds.is_simple(kind) and not kinds.is_judges(kind)
    )


def snapshot(value):
    """What a mutable container holds now, for `is_same`; the values within are held, not copied."""
    kind = type(value)
    if kind in DICTS:
        return [part for pair in value.items() for part in pair]
    if kind is bytearray:
        return bytes(value)
    if kind in CHANGING:
        return list(value)
    return [part for pair in kinds.state_of(value).items() for part in pair]


def is_same(one, other):
    """Whether two snapshots hold the same objects in the same order."""
    if type(one) is bytes:
        return one == other
    return len(one) == len(other) and all(left is right for left, right in zip(one, other))


# --------------------------------------------------------------------------------------------- exceptions


def pack_problem(packer, problem):
    """Nodes of an exception: of its class, its arguments and its own attributes. Raises NotPlain."""
    kind = type(problem)
    arguments = problem.args
    if isinstance(problem, OSError):  # which keeps a file's name elsewhere
        arguments = OSError.__reduce__(problem)[1]
    own = [packer.pack(part) for pair in kinds.state_of(problem).items() for part in pair]
    return [*packer.reference(kind), packer.pack(tuple(arguments)), own]


def unpack_problem(unpacker, nodes):
    """An exception, made without its own constructor: that of the built-in class below it alone runs.

    Only exceptions that a function may well raise: none that means something to what judges the tests, or to
    the interpreter. Raises NotPlain, Garbled.
    """
    if type(nodes) is not list or len(nodes) != 4 or type(nodes[3]) is not list:
        raise Garbled("no exception")
    kind = kinds.named(nodes[0], nodes[1])
    if not kinds.is_class(kind) or not issubclass(kind, BaseException):
        raise Garbled("a class that is no exception")
    if kinds.is_judges(kind) or not issubclass(kind, (Exception, SystemExit)):
        raise NotPlain("an exception of class %s" % atoms.kind_name(kind))
    arguments = unpacker.unpack(nodes[2])
    if type(arguments) is not tuple or len(nodes[3]) % 2:
        raise Garbled("an exception without arguments")
    own = pairs(unpacker.parts(nodes[3]), texts=True)
    base = kind
    while base.__flags__ & kinds.HEAP:
        base = base.__base__
    try:
        problem = base.__new__(kind, *arguments)
        base.__init__(problem, *arguments)
        kinds.give_state(problem, own)
    except Exception as cause:
        raise NotPlain("an exception of class %s: %s" % (atoms.kind_name(kind), type(cause).__name__))
    return problem
