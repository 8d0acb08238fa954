"""What the probes call, and how values become text and digests.

One `Recorder` per process. The instrumented code reaches it by names put into `builtins`, so that no module of
the repository is changed. Everything taken here is bounded: calls per test, characters per value, depth.
"""

import base64
import hashlib
import io
import itertools
import pickle
import signal
import threading
import time
import types

CLIP = 160
MAX_DEPTH = 6
MAX_ITEMS = 400
MAX_NODES = 20000
MAX_PICKLE = 16 * 1024
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


def canon(value):
    """A text equal for values that are equal as data: exact types, sorted sets, attributes of plain objects.

    It never calls methods of the repository's classes (their `__eq__` could claim anything, a lazy object's
    `__class__` could ask a database): only those of the built-in types that they derive from. Raises nothing;
    what lies deeper than MAX_DEPTH, or beyond MAX_NODES values, does not count.
    """
    try:
        return _canon(value, MAX_DEPTH, (), [MAX_NODES])
    except Exception:
        return "<%s>" % type(value).__name__


def _canon(value, depth, seen, left):
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
    if depth <= 0 or left[0] <= 0 or id(value) in seen:
        return "<%s>" % kind.__name__
    seen = seen + (id(value),)
    if kind in (list, tuple):
        inner = ",".join(_canon(item, depth - 1, seen, left) for item in value[:MAX_ITEMS])
        return "%s(%s)%d" % (kind.__name__, inner, len(value))
    if kind in (set, frozenset):
        return "%s{%s}" % (kind.__name__, ",".join(sorted(_canon(item, depth - 1, seen, left) for item in value)))
    if kind is dict:
        # Order belongs to a dict's observable behaviour, so it is kept.
        pairs = itertools.islice(value.items(), MAX_ITEMS)
        inner = ",".join("%s:%s" % tuple(_canon(part, depth - 1, seen, left) for part in pair) for pair in pairs)
        return "dict{%s}%d" % (inner, len(value))
    if kind in (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type, types.ModuleType):
        return "<%s %s>" % (kind.__name__, getattr(value, "__qualname__", getattr(value, "__name__", "")))
    if issubclass(kind, BaseException):
        args = BaseException.__dict__["args"].__get__(value)
        return "%s(%s)" % (kind.__name__, ",".join(_canon(item, depth - 1, seen, left) for item in args[:5]))
    parts = ["%s.%s" % (kind.__module__, kind.__qualname__)]
    for base, plain in PLAIN:
        if issubclass(kind, base):
            parts.append(_canon(plain(value), depth - 1, seen, left))
            break
    for attribute, held in attributes(value, kind):
        parts.append("%s=%s" % (attribute, _canon(held, depth - 1, seen, left)))
    return "<%s>" % " ".join(parts)


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
    __slots__ = ("function", "names", "values", "shown", "before", "pickled", "items", "depth")


class Recorder:
    """Collects what probes report, for the test that runs now."""

    def __init__(self, per_test=12, total=400, step_limit=0, trace_limit=0, keep_pickles=True, pairs=False):
        self.per_test = per_test
        self.total = total
        self.step_limit = step_limit
        self.trace_limit = trace_limit
        self.keep_pickles = keep_pickles
        self.pairs_only = pairs
        self.flags = []
        self.places = []
        self.hits = set()
        self.steps = 0
        self.overrun = 0
        self.calls = []
        self.pairs = []
        self.counts = {}
        self.kept = 0
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

    def enter(self, function, names, values):
        """A watched function was called. Returns the call's record, or None when it is not kept."""
        self.note("call", "", lambda: clip(", ".join("%s=%s" % (n, show(v, 60)) for n, v in zip(names, values))))
        if self.busy or self.kept >= self.total or self.counts.get(function, 0) >= self.per_test:
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
            call.items = None
            if not self.pairs_only:
                call.shown = ", ".join("%s=%s" % pair for pair in zip(names, (show(v) for v in values)))
                if self.keep_pickles:
                    call.pickled = freeze(values)
            self.counts[function] = self.counts.get(function, 0) + 1
            self.kept += 1
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
                finally:
                    self.busy = False
        return value

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
            self.calls.append(
                {
                    "function": call.function,
                    "arguments": clip(call.shown, 400),
                    "result": "" if raised else show(value),
                    "raised": raised,
                    "digest": call.before,
                    "outcome": outcome,
                    "pickled": call.pickled,
                }
            )
        except BaseException:
            pass
        finally:
            self.busy = False


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
        pickle.Pickler(stream, 4).dump(list(values))
        data = stream.getvalue()
        pickle.loads(data)
        return base64.b64encode(data).decode()
    except BaseException:  # any class may forbid it in any way
        return ""
