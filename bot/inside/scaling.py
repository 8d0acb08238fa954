"""Recorded arguments grown to a multiple of their size, with distinct values of the same kinds.

What is merely repeated is no larger problem for a set or a cache, so each further copy of a collection is varied:
numbers are moved on by the span of the collection's numbers (copies of a graph stay graphs of their own), keys,
members and texts that tell items apart get other letters and digits, texts that name a kind (the same in several
items) stay, or, where all is varied, stay in every other copy alone: then there are more kinds and more of each.
What was sorted stays sorted. Nothing else is changed.
"""

import collections
import copy
import pickle

from tryline_inside import reviving

MAX_DEPTH = 4
RECORD = 4
"""Tuples of so many items, or fewer, hold fields and not elements."""
WRAPPER = 2
"""Collections of so many items, or fewer, that hold collections are looked through."""
LARGEST = 2000000
"""Elements and characters that a grown input may have."""
SEQUENCES = (list, tuple, set, frozenset, collections.deque)
TEXTS = (str, bytes, bytearray)


class Fixed(Exception):
    """There is nothing to grow, or it would grow too large."""


NONE, SOME, ALL = 0, 1, 2
"""How further copies are varied: not at all, but for texts that name a kind, or these in every other copy, too."""


def scale(values, factor, rnd, vary=SOME, deep=False, fixed=(), more=0):
    """Arguments of `factor` times the size. Raises Fixed. The input must be a fresh copy already.

    Collections are grown where there are any; else texts; else whole numbers that look like sizes or counts, and
    by `more` on top. With `deep`, what grows is the collections within collections. Values whose places are
    `fixed` stay as they are.
    """
    if factor == 1:
        return list(values)
    if size(values) * factor > LARGEST and collected(values):
        raise Fixed
    for kind in ("collections",) if deep else KINDS:
        grower = _Grower(kind, factor, rnd, vary, deep, more)
        grown = [value if place in fixed else grower.grow(value, MAX_DEPTH) for place, value in enumerate(values)]
        if grower.changed and (grower.passed or not deep):
            return grown
    raise Fixed


KINDS = ("collections", "texts", "numbers")


def by_numbers(values, fixed=()):
    """Places of the values that grow, where nothing but whole numbers can."""
    if any(holds_any(value, MAX_DEPTH) for place, value in enumerate(values) if place not in fixed):
        return []
    return [
        place
        for place, value in enumerate(values)
        if place not in fixed and type(value) is int and countable(value)
    ]


def holds_any(value, depth):
    """Whether there is anything in a value that would grow instead of numbers."""
    if type(value) in TEXTS:
        return len(value) > 1
    return reviving.is_database(value) or measure(value, depth, set()) > 0


def size(values):
    """Elements and characters of all collections; where there are none, what the whole numbers count."""
    found = sum(measure(value, MAX_DEPTH + 2, set()) for value in values)
    return found or sum(abs(value) for value in values if type(value) is int and countable(value)) or 1


def collected(values):
    """Whether there is anything with a length."""
    return any(measure(value, MAX_DEPTH + 2, set()) for value in values)


def measure(value, depth, seen):
    """How much one value holds."""
    kind = type(value)
    if kind in TEXTS:
        return len(value)
    if depth <= 0 or id(value) in seen:
        return 0
    seen.add(id(value))
    if reviving.is_database(value):
        return reviving.rows_in(value)
    if kind in SEQUENCES:
        return len(value) + sum(measure(item, depth - 1, seen) for item in value)
    if isinstance(value, dict):
        inner = [part for pair in dict.items(value) for part in pair]
        return len(value) + sum(measure(part, depth - 1, seen) for part in inner)
    state = state_of(value)
    return sum(measure(part, depth - 1, seen) for part in state.values()) if state else 0


def state_of(value):
    """The attributes of a plain object, else None."""
    if isinstance(value, type) or callable(value):
        return None
    state = getattr(value, "__dict__", None)
    return state if type(state) is dict else None


def countable(number):
    """Whether a whole number may be a size or a count."""
    return 1 <= number <= 10**7


class _Grower:
    def __init__(self, kind, factor, rnd, vary, deep=False, more=0):
        self.kind = kind
        self.factor = factor
        self.rnd = rnd
        self.vary = vary
        self.deep = deep
        self.more = more
        self.changed = False
        self.passed = False
        """Whether a collection was left as it is since the collections within it grow."""
        self.seen = set()

    def grow(self, value, depth):
        """One value, grown if it is of the kind that is to grow, or holds such."""
        kind = type(value)
        if self.kind == "numbers":
            if kind is int and countable(value):
                self.changed = True
                return value * self.factor + self.more
            return value
        if kind in TEXTS:
            return self.text(value) if self.kind == "texts" and len(value) > 1 else value
        if depth <= 0 or id(value) in self.seen:
            return value
        self.seen.add(id(value))
        if reviving.is_database(value):
            return self.database(value)
        if kind in SEQUENCES:
            return self.sequence(value, kind, depth)
        if kind in (dict, collections.OrderedDict, collections.defaultdict, collections.Counter):
            return self.mapping(value, kind, depth)
        state = state_of(value)
        for name in sorted(state or ()):
            state[name] = self.grow(state[name], depth - 1)
        return value

    def within(self, items, depth):
        """Items, each grown."""
        return [self.grow(item, depth - 1) for item in items]

    def sequence(self, value, kind, depth):
        items = list(value)
        record = kind is tuple and (len(items) <= RECORD and len({type(item) for item in items}) > 1)
        few = len(items) <= WRAPPER and any(holds(item) for item in items) and not all(map(is_row, items))
        wrapper = few or self.looks_through(items)
        if record or wrapper or self.kind == "texts":
            return remade(value, kind, self.within(items, depth))
        if not items:
            return value
        self.changed = True
        return remade(value, kind, self.tiled(items))

    def mapping(self, value, kind, depth):
        kinds = {type(held) for held in value.values()}
        record = len(kinds) > 1 and all(type(key) is str for key in value)
        wrapper = len(value) <= WRAPPER and any(holds(held) for held in value.values())
        wrapper = wrapper or self.looks_through(value.values())
        if record or wrapper or self.kind == "texts":
            for key in list(value):
                value[key] = self.grow(value[key], depth - 1)
            return value
        if not value:
            return value
        self.changed = True
        keys, held = list(value), list(value.values())
        shift = span(keys)
        inner = _Variation(held, self.vary)
        for turn in range(1, self.factor):
            for key, item in zip(keys, held):
                value[varied(key, turn, shift)] = inner.of(item, turn) if self.vary else copied(item)
        return value

    def looks_through(self, items):
        """Whether it is the collections within that are to grow."""
        through = self.deep and any(
            type(item) in (*SEQUENCES, dict) and item and not is_row(item) for item in items
        )
        self.passed = self.passed or through
        return through

    def database(self, connection):
        """A database with further rows in every table, numbers moved on alike in all, so that keys still meet."""
        tables = reviving.tables_of(connection)
        shift = span([row for _, rows in tables for row in rows])
        for name, rows in tables if self.kind == "collections" else ():
            inner = _Variation(rows, self.vary, shift)
            more = [inner.of(row, turn) for turn in range(1, self.factor) for row in rows]
            self.changed = reviving.insert(connection, name, more) or self.changed
        return connection

    def tiled(self, items):
        """A list of so many copies, each varied in its own way; sorted where it was."""
        inner = _Variation(items, self.vary)
        out = list(items)
        for turn in range(1, self.factor):
            out += [inner.of(item, turn) if self.vary else copied(item) for item in items]
        return out if len(items) < 2 or not ordered(items) else in_order(out)

    def text(self, value):
        """A text with further copies of itself, in other letters and digits, joined as its parts are."""
        self.changed = True
        if type(value) is not str:
            return type(value)(self.text(bytes(value).decode("latin-1")).encode("latin-1"))
        glue = next((mark for mark in ("\n", " ", ",") if mark in value), "")
        turns = range(self.factor)
        return glue.join([turned(value, turn) if self.vary else value for turn in turns])


class _Variation:
    """How the items of one collection are varied: which texts tell them apart, and how far numbers move."""

    def __init__(self, items, vary=SOME, shift=None):
        self.shift = span(items) if shift is None else shift
        self.all = vary == ALL
        self.kinds = set()
        texts = collections.defaultdict(list)
        for item in items[:2000]:
            for place, part in parts(item):
                if type(part) in TEXTS:
                    texts[place].append(bytes(part) if type(part) is bytearray else part)
        for place, held in texts.items():
            if len(held) > 1 and len(set(held)) < len(held):
                self.kinds.add(place)

    def of(self, item, turn):
        """The item as it is in a later copy."""
        kind = type(item)
        if kind in (int, float) or kind in TEXTS:
            return item if kind in TEXTS and self.stays((), turn) else varied(item, turn, self.shift)
        if kind in (list, tuple):
            return kind(self.part(part, (place,), turn) for place, part in enumerate(item))
        if kind is dict:
            return {key: self.part(part, (key,), turn) for key, part in item.items()}
        if kind is frozenset:
            return frozenset(varied(part, turn, self.shift) for part in item)
        made = copied(item)
        state = state_of(made)
        if state and made is not item:
            for name in list(state):
                state[name] = self.part(state[name], (name,), turn)
        return made

    def stays(self, place, turn):
        """Whether a text at a place is as it was: it names a kind."""
        return place in self.kinds and not (self.all and turn % 2)

    def part(self, value, place, turn):
        if type(value) in TEXTS and self.stays(place, turn):
            return value
        if type(value) in (int, float) or type(value) in TEXTS:
            return varied(value, turn, self.shift)
        if type(value) is tuple:
            return tuple(varied(item, turn, self.shift) for item in value)
        return copied(value)


def parts(item):
    """(place, value) of an item and of its fields."""
    if type(item) in (list, tuple):
        return [((place,), part) for place, part in enumerate(item)]
    if type(item) is dict:
        return [((key,), part) for key, part in item.items()]
    state = state_of(item)
    if state:
        return [((name,), part) for name, part in state.items()]
    return [((), item)]


def varied(value, turn, shift):
    """A value that is another one in each copy; what is no number, text or tuple stays."""
    kind = type(value)
    if kind in (int, float):
        return value + kind(turn * shift)
    if kind is str:
        return turned(value, turn) if len(value) > 3 else "%s%d" % (value, turn)
    if kind is bytes:
        return value + b"%d" % turn
    if kind is tuple:
        return tuple(varied(item, turn, shift) for item in value)
    return value


def turned(text, turn):
    """A text with its letters and digits moved on in their alphabets, the first ones by the digits of `turn`."""
    out = []
    for place, letter in enumerate(text):
        by = turn // 7 ** (place % 6) % 7 if place < 6 else turn % 5
        if "a" <= letter <= "z":
            letter = chr((ord(letter) - 97 + by) % 26 + 97)
        elif "A" <= letter <= "Z":
            letter = chr((ord(letter) - 65 + by) % 26 + 65)
        elif "0" <= letter <= "9":
            letter = chr((ord(letter) - 48 + by) % 10 + 48)
        out.append(letter)
    return "".join(out)


def span(items):
    """How far numbers must move to be others: one more than from the least to the greatest."""
    numbers = []
    for item in items[:2000]:
        for _, part in parts(item):
            inner = part if type(part) is tuple else (part,)
            numbers += [number for number in inner if type(number) in (int, float) and abs(number) < 1e15]
    return int(max(numbers) - min(numbers)) + 1 if numbers else 1


def holds(value):
    """Whether a value is a collection of some length itself."""
    if type(value) in SEQUENCES or isinstance(value, dict):
        return len(value) > WRAPPER
    return bool(state_of(value))


def is_row(item):
    """Whether a value is one of a table's rows: fields of several types, and no collection."""
    if type(item) is tuple:
        return 1 < len(item) and len({type(part) for part in item}) > 1
    if type(item) is dict:
        return all(type(key) is str for key in item) and len({type(held) for held in item.values()}) > 1
    return type(item) not in SEQUENCES and not isinstance(item, dict) and bool(state_of(item))


def copied(value):
    """Another object with the same state, where there can be one."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    try:
        return pickle.loads(pickle.dumps(value, 4))
    except Exception:  # a class may forbid it
        try:
            return copy.deepcopy(value)
        except Exception:
            return value


def remade(value, kind, items):
    return kind(items, value.maxlen) if kind is collections.deque else kind(items)


def ordered(items):
    """Whether plain items stand in ascending order."""
    if any(type(item) not in (int, float, str, bytes, tuple) for item in items):
        return False
    try:
        return all(first <= second for first, second in zip(items, items[1:]))
    except TypeError:
        return False


def in_order(items):
    try:
        return sorted(items)
    except TypeError:
        return items
