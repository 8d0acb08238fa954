"""What the probes call, and how values become text and digests.

One `Recorder` per process. The instrumented code reaches it by names put into `builtins`, so that no module of
the repository is changed. Everything taken here is bounded: calls per test, characters per value, depth.
"""

import base64
import collections
import copyreg
import functools
import hashlib
import io
import itertools
import pathlib
import pickle
import signal
import struct
import threading
import time
import types

from tryline_inside import reviving

CLIP = 160
MAX_DEPTH = 6
MAX_ITEMS = 400
MAX_NODES = 20000
MAX_PICKLE = 16 * 1024
MAX_WRITING = 300000
"""Characters of source that one process writes of recorded values: about a second's worth at the very most."""
WRITING_EACH = 2000
"""The same for each function, where so many are watched that they share."""
WORDLESS = 500
"""What a value that has no source counts as."""
MAX_WRITTEN = 30
"""Items of a generator that are kept as source."""
PATIENCE = 0.5
"""Seconds that all values of a trace together may take to be shown; then the trace ends."""
PAUSE = 0.1
"""Seconds that the values at one line may take: a `__repr__` of the repository's may hang."""
ASIDE = 10000
"""Statements of the target that one showing may run: a `__repr__` may call the target, or be it."""

# The plain value within one of a derived class, by the built-in type's own method: the class may override its.
PLAIN = (
    (list, lambda value: list(list.__iter__(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (dict, lambda value: dict(dict.items(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: set(frozenset.__iter__(value))),
    (str, str.__str__),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
    (int, int.__int__),
    (float, float.__float__),
)


class StepLimit(BaseException):
    """The step budget of a run is used up: an endless loop, cut without waiting for the clock."""


def clip(text, size=CLIP):
    """At most `size` characters, the middle left out."""
    if len(text) <= size:
        return text
    return text[: size * 2 // 3] + "..." + text[-(size // 3 - 3) :]


def show(value, size=CLIP):
    """A bounded repr that cannot raise."""
    try:
        if isinstance(value, (str, bytes)) and len(value) > 2 * size:
            value = value[: 2 * size]
        elif type(value) in (list, tuple, set, frozenset, dict) and len(value) > 200:
            return "<%s of %d items>" % (type(value).__name__, len(value))
        elif runs_out(value):
            return "<%s>" % type(value).__name__
        if (
            getattr(type(value), "__repr__", None) is object.__repr__
            and type(getattr(value, "__dict__", None)) is dict
        ):
            # An address says nothing to a reader, and differs from run to run; the attributes do.
            parts = ["%s=%s" % (k, clip(repr(v), 60)) for k, v in list(value.__dict__.items())[:8]]
            return clip("%s(%s)" % (type(value).__name__, ", ".join(parts)), size)
        return clip(repr(value), size)
    except BaseException as problem:  # a repr of the repository's may do anything, SystemExit included
        return "<%s: repr raised %s>" % (type(value).__name__, type(problem).__name__)


PLAIN_KINDS = frozenset((type(None), bool, int, float, complex, str, bytes, bytearray, range))
MOST_LOOKED_AT = 300
"""Values within a value that are looked at before its `__repr__` is asked."""


def runs_out(value):
    """Whether an object keeps an iterator, as far as a bounded look tells: its `__repr__` may go through it, and
    the code under test would find it empty. An iterator by itself shows without being used."""
    todo, seen = [(value, False)], set()
    while todo and len(seen) < MOST_LOOKED_AT:
        held, inside = todo.pop()
        kind = type(held)
        if kind in PLAIN_KINDS or id(held) in seen:
            continue
        seen.add(id(held))
        if kind in (list, tuple, set, frozenset):
            todo += [(part, inside) for part in itertools.islice(held, MOST_LOOKED_AT)]
        elif kind is dict:
            todo += [(part, inside) for part in itertools.islice(held.values(), MOST_LOOKED_AT)]
        elif hasattr(kind, "__next__"):
            if inside:
                return True
        elif not issubclass(kind, (type, types.ModuleType, types.FunctionType)):
            todo += [(part, True) for _, part in attributes(held, kind)]
    return False


def canon(value, depth=MAX_DEPTH, opaque=None):
    """A text equal for values that are equal as data: exact types, sorted sets, attributes of plain objects.

    It never calls methods of the repository's classes (their `__eq__` could claim anything, a lazy object's
    `__class__` could ask a database): only those of the built-in types that they derive from. Raises nothing;
    what lies deeper than `depth`, or beyond MAX_NODES values, does not count.

    Objects whose state cannot be seen (locks, files, generators, functions made in functions) are alike when
    their types are. A list `opaque` is given the name of each: what holds one may be other than it seems.
    """
    try:
        return _canon(value, depth, (), [MAX_NODES], opaque)
    except Exception:
        if opaque is not None:
            opaque.append(type(value).__name__)
        return "<%s>" % type(value).__name__


def _canon(value, depth, seen, left, opaque):
    kind = type(value)
    left[0] -= 1
    if value is None or kind in (bool, complex):
        return repr(value)
    if kind is int:
        return repr(value) if value.bit_length() < 64 else hex(value)  # no limit of digits
    if kind is float:
        return "~%.12g" % value if value == value else "nan"
    if kind in (str, bytes, bytearray):
        return repr(value) if len(value) < 4096 else "%s:%s" % (kind.__name__, digest(repr(value)))
    if depth <= 0 or left[0] <= 0:
        if opaque is not None:
            opaque.append("%s too deep" % kind.__name__)
        return "<%s>" % kind.__name__
    if id(value) in seen:
        return "<%s up %d>" % (kind.__name__, len(seen) - seen.index(id(value)))
    seen = seen + (id(value),)

    def text(part):
        return _canon(part, depth - 1, seen, left, opaque)

    most = MAX_ITEMS if opaque is None else MAX_NODES
    if kind in (list, tuple):
        inner = ",".join(map(text, value[:most]))
        return "%s(%s)%d" % (kind.__name__, inner + beyond(value, most, opaque), len(value))
    if kind in (set, frozenset):
        return "%s{%s}" % (kind.__name__, ",".join(sorted(map(text, value))))
    if kind is dict:
        # Order belongs to a dict's observable behaviour, so it is kept.
        pairs = itertools.islice(value.items(), most)
        inner = ",".join("%s:%s" % (text(key), text(held)) for key, held in pairs)
        flat = [part for pair in value.items() for part in pair] if len(value) > most else ()
        return "dict{%s}%d" % (inner + beyond(flat, 2 * most, opaque), len(value))
    if kind is types.MethodType:
        return "<method %s of %s>" % (text(value.__func__), text(value.__self__))
    if kind in (types.FunctionType, types.BuiltinFunctionType, types.ModuleType):
        return named(value, kind, text, opaque)
    if issubclass(kind, type):
        return "<type %s>" % type.__dict__["__qualname__"].__get__(value)
    if issubclass(kind, BaseException):
        args = BaseException.__dict__["args"].__get__(value)
        return "%s(%s)" % (kind.__name__, ",".join(map(text, args[:5])))
    if issubclass(kind, pathlib.PurePath):  # its slots hold what was once asked for
        return "<%s.%s %r %s>" % (
            kind.__module__,
            kind.__qualname__,
            pathlib.PurePath.__str__(value),
            reviving.content(value),
        )
    parts = ["%s.%s" % (kind.__module__, kind.__qualname__)]
    if reviving.is_database(value):
        parts.append(reviving.content(value))
    held_in = list(attributes(value, kind))  # before all else: asking makes a `__dict__` where none was needed yet
    plain = next((reader for base, reader in PLAIN if issubclass(kind, base)), None)
    if plain is not None:
        parts.append(text(plain(value)))
        if issubclass(kind, collections.defaultdict):
            parts.append(text(collections.defaultdict.__dict__["default_factory"].__get__(value)))
    elif not visible(kind):
        state = reduced(value, kind)
        if state is None:
            if opaque is not None:
                opaque.append(kind.__name__)
        else:
            parts.append(text(state))
    for attribute, held in held_in:
        if not cached(kind, attribute):
            parts.append("%s=%s" % (attribute, text(held)))
    return "<%s>" % " ".join(parts)


def beyond(items, most, opaque):
    """What stands for items past the first so many: a digest where they are plain; else they do not count."""
    left = items[most : most * 250]
    if not left:
        return ""
    if all(type(item) in (int, str, bool, bytes, float, type(None)) for item in left):
        return "," + digest(repr(left))
    if opaque is not None:
        opaque.append("more than %d items" % most)
    return ""


def named(value, kind, text, opaque):
    """Functions and modules: by name, where the name says which; an inner function's does not."""
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    if kind is types.FunctionType and "<" in name:
        if opaque is not None:
            opaque.append("function")
        return "<function>"
    owner = getattr(value, "__self__", None) if kind is types.BuiltinFunctionType else None
    if owner is None or isinstance(owner, types.ModuleType):
        return "<%s %s>" % (kind.__name__, name)
    return "<%s %s of %s>" % (kind.__name__, name, text(owner))


HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: every class made by Python, and some that C made
FIXED = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE: made by C


def visible(kind):
    """Whether all state of a class's objects is in `__dict__` and slots: no layer of it is written in C.

    A layer that Python made has room for its slots, and for a dictionary and weak references, and no more.
    """
    while kind is not object:
        base = kind.__base__
        members = [held for held in kind.__dict__.values() if type(held) is types.MemberDescriptorType]
        room = (len(members) if "__slots__" in kind.__dict__ else 0) + 2
        grown = kind.__basicsize__ - base.__basicsize__
        if not kind.__flags__ & HEAP or kind.__flags__ & FIXED or grown > room * POINTER:
            return False
        if grown and "__slots__" not in kind.__dict__ and not WITHIN.intersection(kind.__dict__):
            return False
        kind = base
    return True


POINTER = struct.calcsize("P")
WITHIN = frozenset(("__dict__", "__weakref__"))


def reduced(value, kind):
    """An object's state as C code tells it to pickle and copy; None where it tells nothing."""
    if kind.__module__.split(".")[0] == "numpy" and hasattr(kind, "tolist"):
        size = getattr(value, "size", 0)
        inner = value.tolist() if size <= 2000 else digest(repr(value.tobytes()))
        return [str(getattr(value, "dtype", "")), list(getattr(value, "shape", ())), inner]
    if kind in (type({}.keys()), type({}.values()), type({}.items())):
        return list(value)
    if kind is types.MappingProxyType:
        return dict(value)
    for name in ("__reduce_ex__", "__reduce__", "__getstate__", "__getnewargs__", "__getnewargs_ex__"):
        found = next((owner.__dict__[name] for owner in kind.__mro__ if name in owner.__dict__), None)
        if isinstance(found, types.FunctionType):
            return None
    made = copyreg.dispatch_table.get(kind)
    try:
        state = made(value) if made is not None else kind.__reduce_ex__(value, 2)
    except Exception:  # "cannot pickle": it has a state that nothing tells
        return None
    if type(state) is not tuple:
        return state
    return [
        list(itertools.islice(part, MAX_NODES)) if hasattr(type(part), "__next__") else part for part in state[:5]
    ]


def cached(kind, attribute):
    """Whether an attribute only keeps what was computed when it was first asked for."""
    found = next((owner.__dict__[attribute] for owner in kind.__mro__ if attribute in owner.__dict__), None)
    return isinstance(found, functools.cached_property)


def attributes(value, kind):
    """(name, value) of an object's own attributes, in its `__dict__` and in slots, by no method of its class."""
    for owner in kind.__mro__:
        getter = owner.__dict__.get("__dict__")
        if getter is not None:
            state = getter.__get__(value, kind) if type(getter) is types.GetSetDescriptorType else None
            if type(state) is dict:
                yield from list(state.items())[:60]
            break
    for owner in kind.__mro__:
        if "__slots__" not in owner.__dict__:
            continue
        for name, member in list(owner.__dict__.items()):
            if type(member) is types.MemberDescriptorType:
                try:
                    yield name, member.__get__(value, kind)
                except AttributeError:  # never assigned
                    pass


def digest(text):
    """Twelve hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def stop(times, message):
    """Stops what runs, for the so manyth time."""
    if times > 1000:
        import os

        os._exit(86)  # the candidate swallows the signal to stop: the parent reads this code
    raise StepLimit(message)


class _Call:
    __slots__ = (
        "function",
        "names",
        "values",
        "shown",
        "before",
        "pickled",
        "items",
        "source",
        "needs",
        "yielded",
    )


class Recorder:
    """Collects what probes report, for the test that runs now."""

    def __init__(
        self,
        per_test=12,
        total=400,
        per_function=0,
        step_limit=0,
        trace_limit=0,
        keep_pickles=True,
        pairs=False,
        express=None,
    ):
        self.per_test = per_test
        self.total = total
        self.per_function = per_function or total
        self.step_limit = step_limit
        self.trace_limit = trace_limit
        self.keep_pickles = keep_pickles
        self.pairs_only = pairs
        self.expresser = express
        # Where many functions are watched, each has a share: the first tests must not use up what others need.
        self.room = max(MAX_WRITING, WRITING_EACH * (total // self.per_function)) if express is not None else 0
        self.flags = []
        self.places = []
        self.hits = set()
        self.steps = 0
        self.overrun = 0
        self.calls = []
        self.pairs = []
        self.counts = {}
        self.kept = 0
        self.kept_of = {}
        self.trace = []
        self.seen_values = {}
        self.outer_values = []
        self.patience = PATIENCE
        self.aside = 0
        self.busy = False
        self.armed = False
        self.last_line = 0

    # -- lines: a flag per probe, so that a line costs one list index after its first hit in a test

    def place(self, file, line):
        """A new line probe; returns its index."""
        self.flags.append(1)
        self.places.append((file, line))
        return len(self.flags) - 1

    def share(self, other):
        """Takes over the line probes of another recorder, which the code that is loaded has."""
        self.flags[:] = [1] * len(other.flags)  # the list that the loaded code has
        self.places = other.places

    def hit(self, index):
        """Called by a line probe at its first execution since `begin`."""
        self.flags[index] = 0
        self.hits.add(index)

    def begin(self):
        """A test starts."""
        for index in self.hits:
            self.flags[index] = 1
        self.hits.clear()
        self.counts.clear()
        self.calls = []

    def lines(self):
        """{file: sorted lines} executed since `begin`."""
        found = {}
        for index in self.hits:
            file, line = self.places[index]
            found.setdefault(file, set()).add(line)
        return {file: sorted(lines) for file, lines in found.items()}

    # -- steps

    def step(self, line):
        """Called before every statement of a candidate."""
        if self.busy:  # run by what shows a value, not by the test
            self.aside += 1
            if self.aside > ASIDE:
                stop(self.aside - ASIDE, "more than %d statements to show a value" % ASIDE)
            return
        self.steps += 1
        self.last_line = line
        if self.steps > self.step_limit:
            self.overrun += 1
            stop(self.overrun, "more than %d statements" % self.step_limit)

    def watch(self, line, values):
        """Like `step`, with the local variables: keeps what changed."""
        self.step(line)
        if self.busy or len(self.trace) >= self.trace_limit:
            return
        changed = []

        def look():
            for name, value in list(values.items()):
                if name.startswith("__tryline"):
                    continue
                text = show(value, 80)
                if self.seen_values.get(name) != text:
                    self.seen_values[name] = text
                    changed.append([name, type(value).__name__, text])

        self.patiently(look)
        self.trace.append([line, changed])

    def note(self, word, kind, tell):
        """Keeps that the target is entered or left, as an entry of line 0; `tell()` says with what."""
        if self.busy or len(self.trace) >= self.trace_limit:
            return
        said = []
        self.patiently(lambda: said.append(tell()))
        self.trace.append([0, [[word, kind, said[0] if said else "..."]]])
        if word == "call":  # what the caller's variables hold is not what this call's hold
            self.outer_values.append(self.seen_values)
            self.seen_values = {}
        elif word != "yield" and self.outer_values:
            self.seen_values = self.outer_values.pop()

    def patiently(self, work):
        """Does what runs `__repr__` of the repository's classes, with a clock and a count of their own.

        What runs too long is cut where Python can cut it, and counts against PATIENCE in any case. Nothing that
        happens here changes what the test sees; a timer and a handler of its own are put back.
        """
        began = time.monotonic()
        here = threading.current_thread() is threading.main_thread()  # elsewhere no signal arrives
        self.aside = 0
        self.busy = self.armed = True
        handler = timer = None
        try:
            if here:
                handler = signal.signal(signal.SIGALRM, self.too_slow)
                timer = signal.setitimer(signal.ITIMER_REAL, PAUSE)
            work()
            self.armed = False
        except BaseException:  # the timer, while nothing of the repository's ran
            pass
        finally:
            self.busy = self.armed = False
            took = time.monotonic() - began
            if timer is not None:
                left = max(timer[0] - took, 0.001) if timer[0] else 0
                signal.setitimer(signal.ITIMER_REAL, left, timer[1])
            if handler is not None:
                signal.signal(signal.SIGALRM, handler)
            self.patience -= took
            if self.patience <= 0:
                self.trace_limit = len(self.trace) + 1  # the entry in hand is the last

    def too_slow(self, signum, frame):
        """The timer of `patiently`; once, and not when it comes too late."""
        if self.armed:
            self.armed = False
            raise StepLimit("too slow")

    # -- calls

    def enter(self, function, names, values, yields=0):
        """A watched function was called. Returns the call's record, or None when it is not kept.

        `yields` is 1 for a generator, 2 for one that passes on what another yields.
        """
        self.note("call", "", lambda: clip(", ".join("%s=%s" % (n, show(v, 60)) for n, v in zip(names, values))))
        if self.busy or self.kept >= self.total or self.counts.get(function, 0) >= self.per_test:
            return None
        if self.kept_of.get(function, 0) >= self.per_function:
            return None
        self.busy = True  # a repr or a pickle may call the watched function again
        try:
            call = _Call()
            call.function = function
            call.names = names
            call.values = values
            call.before = digest(canon(list(values)))
            call.pickled = ""
            call.shown = ""
            call.items = [] if yields else None
            call.yielded = [] if yields == 1 else None
            call.source, call.needs = "", []
            if not self.pairs_only:
                call.shown = ", ".join("%s=%s" % pair for pair in zip(names, (show(v) for v in values)))
                if self.keep_pickles:
                    call.pickled = freeze(values)
                call.source, call.needs = self.express(tuple(values))
            self.counts[function] = self.counts.get(function, 0) + 1
            self.kept += 1
            self.kept_of[function] = self.kept_of.get(function, 0) + 1
            return call
        except BaseException:  # what goes wrong in recording must not change what the test sees
            return None
        finally:
            self.busy = False

    def item(self, call, value):
        """A generator yields: kept as part of its result."""
        self.note("yield", type(value).__name__, lambda: show(value, 80))
        if call is not None and not self.busy:
            if call.items is None:
                call.items = []
            if len(call.items) < 100:
                self.busy = True
                try:
                    call.items.append(canon(value))
                    if not self.pairs_only and call.yielded is not None:
                        self.written(call, value)
                except BaseException:
                    call.yielded = None
                finally:
                    self.busy = False
        return value

    def express(self, value):
        """(source, needs) of a value, as long as there is room for sources."""
        if self.room <= 0:
            return "", []
        source, needs = self.expresser(value)
        self.room -= len(source) or WORDLESS
        return source, needs

    def written(self, call, value):
        """Keeps the source of what a generator yields, as it is now; of the first so many items, or of none."""
        source, needs = self.express(value)
        if not source or len(call.yielded) >= MAX_WRITTEN:
            call.yielded = None
            return
        call.yielded.append(source)
        call.needs = ordered(call.needs, needs)

    def leave(self, call, value):
        """A watched function returns `value`."""
        self.note("return", type(value).__name__, lambda: show(value, 80))
        if call is not None and not self.busy:
            self.finish(call, value, "")
        return value

    def fail(self, call, problem):
        """An exception escapes from a watched function."""
        if isinstance(problem, StepLimit):
            return
        if not isinstance(problem, GeneratorExit):
            self.note("raise", type(problem).__name__, lambda: clip(str(problem), 80))
        if call is None or self.busy:
            return
        call.yielded = None  # not all that it would have yielded
        # A generator that is closed early is no failure: what it yielded until then is its result.
        self.finish(call, None, "" if isinstance(problem, GeneratorExit) else type(problem).__name__)

    def finish(self, call, value, raised):
        self.busy = True
        try:
            after = canon(list(call.values))
            outcome = digest("%s|%s|%s|%s" % (raised, canon(value) if not raised else "", call.items, after))
            if self.pairs_only:
                self.pairs.append([call.before, outcome])
                return
            answer = self.answer(call, value) if not raised else ""
            self.calls.append(
                {
                    "function": call.function,
                    "arguments": clip(call.shown, 400),
                    "result": "" if raised else show(value),
                    "raised": raised,
                    "digest": call.before,
                    "outcome": outcome,
                    "pickled": call.pickled,
                    "source": call.source,
                    "answer": answer,
                    "needs": call.needs,
                }
            )
        except BaseException:
            pass
        finally:
            self.busy = False

    def answer(self, call, value):
        """The result as source: what was returned, or the list of all that was yielded."""
        if call.items is not None:
            return "" if call.yielded is None else "[%s]" % ", ".join(call.yielded)
        source, needs = self.express(value)
        call.needs = ordered(call.needs, needs)
        return source


def ordered(*needs):
    """What several sources need, each once: imports, and then what is defined."""
    return sorted(set(itertools.chain(*needs)), key=lambda line: (line.startswith("def "), line))


class _Small(io.BytesIO):
    """Refuses more than MAX_PICKLE bytes, so that a large argument is not pickled to its end."""

    def write(self, data):
        if self.tell() + len(data) > MAX_PICKLE:
            raise ValueError("too large")
        return super().write(data)


def freeze(values):
    """Base64 of a pickle of the arguments, empty when they cannot be pickled or are too large."""
    try:
        stream = _Small()
        reviving.dump(list(values), stream)
        data = stream.getvalue()
        pickle.loads(data)
        return base64.b64encode(data).decode()
    except BaseException:  # any class may forbid it in any way
        return ""
