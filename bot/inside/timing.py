"""Times of several versions of a function on the same inputs, interleaved in one process.

Versions take turns in random order, each sample on arguments of its own that were made outside the clock, with
the garbage collector off and all caches of functions emptied. The clock counts this thread's CPU time: other
processes do not disturb it, and it sees neither sleeping nor waiting nor what children and other threads do.

Before the clock, each version is called alone: for its outcome, and so that one that takes more than SLOWEST times
as long as the fastest is cut instead of timed. After all times were taken, memory and events are counted, in calls
of their own: tracing and hooks are slow, and a hook stays.
"""

import asyncio
import collections
import functools
import gc
import logging
import math
import pathlib
import pickle
import random
import statistics
import sys
import time
import tracemalloc

from tryline_inside import calls, express, inputs, recorder, reviving, scaling

try:
    import sqlite3
except ImportError:  # an interpreter can be built without
    sqlite3 = None

SAMPLE = 300000
"""Nanoseconds that a sample lasts at least."""
LONGEST = 5000000
"""Nanoseconds that a sample of the slowest version lasts at most, where it has more than one call."""
PREPARING = 4000000
"""Nanoseconds that the arguments of a sample take to make at most: what takes no time beside it matters little."""
ROUNDS = 400
"""At most. On a busy machine single samples scatter by a fifth: many short ones in turns beat few long ones."""
APART = 4
"""How many times as long one version takes where samples of an equally small part of SAMPLE do."""
SETTLED = 24
"""Rounds that are made at least, where there is time, before what they show may be settled."""
NARROW = 0.01
"""How wide the interval of a ratio may be for that, up and down, in nats: a tenth of what is ever told."""
WIDE = 0.05
"""The same where one version takes twice as long or longer."""
FEWEST = 5
"""Rounds for which there must be time, or a scale is left out."""
COPIES = 4
"""Of each version's code."""
SLOWEST = 20
BEARABLE = 10000000
"""Nanoseconds of a call that are timed however much slower than another it is: two dozen of them take no time, and
a version that grows faster than another must not be lost at the very sizes that show it."""
NEAR = 12
"""Whole numbers on from a multiple that are tried."""
MAX_BYTES = 8 << 20
"""Of pickled arguments prepared at once."""
MAX_CALLS = 4000
"""Calls of one sample."""
SHARE = 0.75
"""Of the time is for taking times; the rest is for memory and events."""


class Version:
    """One version, compiled without probes."""

    def __init__(self, code, defaults):
        self.codes = [code] + [code.replace() for _ in range(COPIES - 1)]
        self.turn = 0
        self.defaults = defaults
        self.made = None
        """A function of its own that is called instead, where its decorators are others."""

    @property
    def code(self):
        """The copy whose turn it is: each lies elsewhere in memory, where it may run faster or slower."""
        return self.codes[self.turn % COPIES]

    @classmethod
    def of(cls, function):
        """The version that a live function runs."""
        return cls(function.__code__, (function.__defaults__, function.__kwdefaults__))


class Unusable(Exception):
    """The input cannot be made anew, or not grown."""


class Maker:
    """Gives fresh copies of one input's values."""

    def __init__(self, values):
        try:
            self.data = reviving.dumps(values)
            pickle.loads(self.data)
        except Exception:  # any class may forbid it in any way
            raise Unusable
        self.ways: list = [None if is_place(value) else way_of(value) for value in values]
        places = [id(value) for value in values if not immutable(value)]
        if None in self.ways or len(places) > len(set(places)):
            self.ways = None

    def values(self):
        """Values that no other call has."""
        return pickle.loads(self.data) if self.ways is None else [way() for way in self.ways]


def way_of(value):
    """How to copy a value faster than by a pickle, or None: preparing must not take the time of measuring."""
    if immutable(value):
        return lambda: value
    if type(value) in (list, set, bytearray, collections.deque) and all(immutable(item) for item in value):
        return value.copy
    if type(value) is dict and all(immutable(item) for item in value.values()):
        return value.copy
    return None


def is_place(value):
    """Whether a value names a file that each call is to find as it was."""
    return isinstance(value, (str, pathlib.PurePath)) and reviving.temporary(str(value))


def immutable(value, depth=4):
    """Whether a value cannot be changed, so that all calls may have the same."""
    if value is None or type(value) in (bool, int, float, complex, str, bytes, range):
        return True
    return type(value) in (tuple, frozenset) and depth > 0 and all(immutable(item, depth - 1) for item in value)


class Bench:
    """Measures versions of one unit."""

    def __init__(self, unit, versions, kinds, seed):
        self.unit = unit
        self.versions = versions
        self.kinds = kinds
        self.function = self.live = unit.functions[0]
        self.rnd = random.Random(seed)
        self.clock = calls.Clock()
        reviving.WATCHED[0] = True
        logging.disable(logging.CRITICAL)  # what handlers do with a message is no time of the function's
        gc.unfreeze()  # what holds caches must be found
        self.caches = caches_of(unit.functions)
        gc.freeze()  # and what was there before need not be gone through again and again
        self.loop = None

    def put(self, version):
        """Makes the live functions run a version, so that recursion and copies of it do."""
        if version.made is None:
            self.unit.install(version.code, version.defaults)
        else:
            self.function = self.live.__globals__[self.unit.spec["name"]] = version.made
        self.clear()

    def clear(self):
        for cache in self.caches:
            cache.cache_clear()

    def usual(self, values):
        """Places of arguments that are plain and what they are where nobody gives them: these do not grow."""
        names = [name for name, _ in self.kinds]
        code, defaults = self.live.__code__, self.live.__defaults__ or ()
        known = dict(zip(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults))
        known.update(self.live.__kwdefaults__ or {})
        return {
            place
            for place, (name, value) in enumerate(zip(names, values))
            if name in known and immutable(value) and immutable(known[name]) and value == known[name]
        }

    # -- one call each, before the clock

    def first(self, version, maker, patience):
        """(how it ended, digest, nanoseconds of CPU, whether the result must be run out) of a version's call."""
        lazy, took, word, text = False, 0, "returned", ""
        self.put(version)
        values = maker.values()
        positional, named = calls.arguments(values, self.kinds)

        def work():
            nonlocal lazy
            made = self.function(*positional, **named)
            lazy = calls.lazy(made)
            return calls.settled(made)

        began = time.thread_time_ns()
        try:
            result = self.clock.limited(work, patience)
            took = time.thread_time_ns() - began
            opaque = []
            text = recorder.canon(result, express.DEEP, opaque)
            if opaque:
                word = "unusable"
        except recorder.StepLimit:
            return "endless", "", 0, False
        except BaseException as problem:
            took = time.thread_time_ns() - began
            word, text = "raised", type(problem).__name__
        after = recorder.canon(list(values), express.DEEP, [])
        digest = recorder.digest("%s|%s|%s" % (word, text, after)) if word != "unusable" else ""
        return word, digest, took, lazy

    def firsts(self, maker, seconds):
        """The first call of each version: one that takes much longer than another is `endless`."""
        found: list = [None] * len(self.versions)
        patience = 0.1
        until = time.monotonic() + seconds
        while True:
            for index, version in enumerate(self.versions):
                if found[index] is None:
                    row = self.first(version, maker, patience)
                    if row[0] != "endless":
                        # Once more: the first call of all may have had to import or to fill something. Of two
                        # calls the shorter one counts: what a busy machine adds must not make a version `endless`.
                        again = self.first(version, maker, patience) if row[2] < 10**9 else row
                        found[index] = again if again[0] == row[0] and again[2] < row[2] else row
            done = [row[2] for row in found if row is not None]
            if len(done) == len(found):
                break
            enough = 3 * SLOWEST * min(done) / 1e9 if done else seconds
            if patience >= enough or time.monotonic() + 2 * patience > until:
                break
            patience = min(4 * patience, max(0.1, until - time.monotonic()))
        fastest = min((row[2] for row in found if row is not None), default=0)
        slow = max(SLOWEST * fastest, BEARABLE)
        return [("endless", "", 0, False) if row is None or row[2] > slow else row for row in found]

    # -- samples

    def sample(self, version, maker, count, guarded, lazy):
        """Nanoseconds of CPU that `count` calls take."""
        self.put(version)
        prepared = [calls.arguments(maker.values(), self.kinds) for _ in range(count)]
        function, clock = self.function, time.thread_time_ns
        if not (guarded or lazy or self.caches):
            began = clock()
            for positional, named in prepared:
                function(*positional, **named)
            return clock() - began
        total = 0
        for positional, named in prepared:
            self.clear()
            began = clock()
            try:
                made = function(*positional, **named)
                if lazy:
                    self.settle(made)
            except Exception:
                pass
            total += clock() - began
        return total

    def settle(self, made):
        """Runs a result out, in a loop that is made once."""
        if calls.awaitable(made):
            if self.loop is None:
                self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
            made = self.loop.run_until_complete(calls.awaited(made))
        if calls.lazy(made):
            calls.settled(made)

    def calls_of(self, maker, firsts, live, way):
        """How many calls make a sample of the fastest version long enough, and of the slowest not too long."""
        first = {index: max(1, firsts[index][2]) for index in live}
        fastest = min(live, key=lambda index: first[index])
        most = max(1, min(MAX_CALLS, MAX_BYTES // max(1, len(maker.data)), LONGEST // max(first.values())))
        most = max(1, min(most, PREPARING // max(1, self.preparing(maker))))
        # What lies far apart needs no long samples to be told apart.
        wanted = SAMPLE if max(first.values()) < APART * first[fastest] else SAMPLE // APART
        count = max(1, min(most, wanted // first[fastest]))
        for _ in range(6):
            least = self.sample(self.versions[fastest], maker, count, *way)
            if least >= wanted or count >= most:
                break
            count = min(most, max(count + 1, int(count * 1.3 * wanted / max(1, least))))
        return count

    @staticmethod
    def preparing(maker):
        """Nanoseconds that arguments of one call take to be made."""
        began = time.thread_time_ns()
        for _ in range(3):
            maker.values()
        return (time.thread_time_ns() - began) // 3

    def times(self, maker, firsts, seconds):
        """[seconds of a call, one entry a round] for each version; None where there is no time for it."""
        live = [index for index, row in enumerate(firsts) if row[0] != "endless"]
        found = [[] for _ in self.versions]
        if not live:
            return found
        way = any(firsts[index][0] == "raised" for index in live), any(firsts[index][3] for index in live)
        began = time.monotonic()
        gc.collect()
        gc.disable()
        try:
            count = self.calls_of(maker, firsts, live, way)
            copies = COPIES if max(firsts[index][2] for index in live) < LONGEST else 1
            for copy in range(copies if copies > 1 else 0):  # each warms up
                for index in live:
                    self.versions[index].turn = copy
                    self.sample(self.versions[index], maker, min(count, 3), *way)
            ready = time.monotonic()
            for turn in range(1, ROUNDS + 1):
                order = list(live)
                self.rnd.shuffle(order)
                for index in order:
                    self.versions[index].turn = self.rnd.randrange(copies)
                    took = self.sample(self.versions[index], maker, count, *way)
                    found[index].append(took / count / 1e9)
                now = time.monotonic()
                a_round = (now - ready) / turn
                if turn < FEWEST and a_round * FEWEST > 2 * seconds:
                    return None
                if turn >= FEWEST and now - began + a_round > seconds:
                    break
                if turn >= SETTLED and turn % 4 == 0 and settled([found[index] for index in live]):
                    break
        finally:
            gc.enable()
        return found

    # -- memory and events, after all times

    def memory(self, version, maker):
        """Kilobytes at the peak of one call."""
        self.put(version)
        positional, named = calls.arguments(maker.values(), self.kinds)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            self.quietly(positional, named)
            return max(0, tracemalloc.get_traced_memory()[1] - before) // 1024
        finally:
            tracemalloc.stop()

    def events(self, version, maker, counter):
        """What one call does to the outside: {kind: how many}."""
        self.put(version)
        positional, named = calls.arguments(maker.values(), self.kinds)
        counter.counts = {}
        counter.on = True
        try:
            self.quietly(positional, named)
        finally:
            counter.on = False
        return dict(counter.counts)

    def quietly(self, positional, named):
        """One call whose outcome nobody asks for."""
        try:
            self.clock.limited(lambda: self.settle(self.function(*positional, **named)), 5)
        except BaseException:  # as it did before, when it was asked for
            pass


def caches_of(functions):
    """Caches of `functools` around these functions or in their modules."""
    modules = {function.__module__ for function in functions}
    kind = type(functools.lru_cache(maxsize=1)(immutable))
    found = []
    for item in gc.get_objects():
        if type(item) is kind and (
            any(item.__wrapped__ is function for function in functions)
            or getattr(item, "__module__", None) in modules
        ):
            found.append(item)
    return found


def settled(rounds):
    """Whether further rounds would say nothing new: each version's ratio to the first is known closely enough.

    By the median and how far the logarithms of ratios lie from it; the host's own interval is a little wider.
    """
    first = rounds[0]
    for other in rounds[1:]:
        logs = [math.log(one / two) for one, two in zip(other, first) if one > 0 and two > 0]
        if len(logs) < SETTLED:
            return False
        middle = statistics.median(logs)
        off = 1.4826 * statistics.median([abs(log - middle) for log in logs])
        wide = 2.576 * 1.2533 * 1.5 * off / math.sqrt(len(logs))
        if wide > (WIDE if abs(middle) > math.log(2) else NARROW):
            return False
    return True


class Counter:
    """Counts what reaches out: an audit hook, and wrappers around the cursors of sqlite3."""

    KINDS = {
        "open": "open",
        "socket.connect": "connect",
        "socket.getaddrinfo": "connect",
        "subprocess.Popen": "process",
        "os.system": "process",
        "os.fork": "process",
    }

    def __init__(self):
        self.on = False
        self.counts = {}
        sys.addaudithook(self.hook)
        if sqlite3 is not None:
            self.patch()

    def hook(self, event, arguments):
        kind = self.KINDS.get(event) if self.on else None
        if kind is None or (kind == "open" and str(arguments[0]).endswith((".py", ".pyc", ".so"))):
            return  # imports open files, and only once
        self.count(kind)

    def count(self, kind):
        if self.on:
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def patch(self):
        """Connections made from now on count their statements; those that exist are asked to tell."""
        counter, usual = self, sqlite3.connect

        class Cursor(sqlite3.Cursor):
            def execute(self, *arguments):
                counter.count("sql")
                return super().execute(*arguments)

            def executemany(self, *arguments):
                counter.count("sql")
                return super().executemany(*arguments)

            def executescript(self, *arguments):
                counter.count("sql")
                return super().executescript(*arguments)

        class Connection(sqlite3.Connection):
            def cursor(self, factory=Cursor):
                return super().cursor(factory)

            def execute(self, *arguments):
                return self.cursor().execute(*arguments)

            def executemany(self, *arguments):
                return self.cursor().executemany(*arguments)

            def executescript(self, *arguments):
                return self.cursor().executescript(*arguments)

        def connect(*arguments, **named):
            if len(arguments) < 6:
                named.setdefault("factory", Connection)
            return usual(*arguments, **named)

        for module in list(sys.modules.values()):
            for name, held in list(getattr(module, "__dict__", {}).items()):
                if held is usual:
                    setattr(module, name, connect)
        gc.unfreeze()
        for item in gc.get_objects():
            if isinstance(item, sqlite3.Connection):
                item.set_trace_callback(lambda statement: counter.count("sql"))


# ------------------------------------------------------------------------------------------------- a message


def run(message, bench, send):
    """Measures what a message asks for; `send` takes each row.

    All inputs at the first scale, then all at the next: when time runs out, the largest are left out.
    """
    began = time.monotonic()
    whole = float(message["seconds"])
    scales = sorted({int(scale) for scale in message["scales"]})
    seed = message.get("seed", 0)
    deep = bool(message.get("deep"))
    alive = {}
    for number, wanted in enumerate(message["inputs"]):
        try:
            values = bench.clock.limited(lambda: calls.made(wanted, bench.kinds), 1)
            alive[number] = [reviving.dumps(values), usually(bench, values) if scales[0] > 1 else None]
        except BaseException:  # a class may refuse to be loaded, or to be copied
            continue
    rows = []
    for place, scale in enumerate(scales):
        for done, number in enumerate(sorted(alive)):
            left = whole * SHARE - (time.monotonic() - began)
            if left <= 0:
                break
            jobs = len(alive) * (len(scales) - place) - min(done, len(alive))
            plain, known = alive[number]
            row, maker, more = one(bench, plain, (number, scale), left / max(1, jobs), known, seed, deep)
            if row is not None:
                send(row)
                rows.append((row, maker))
                alive[number][1] = known or row["how"]
            if not more:
                del alive[number]
    finish(bench, rows, began + 1.5 * whole, send)


def one(bench, plain, which, seconds, known, seed, deep=False):
    """(row or None, its maker, whether larger scales are worth a try) of one input at one scale.

    `known` is how the versions ended on the input at the first scale: where a grown one makes them raise, others
    are tried, less varied and then not at all, and if none serves, the scale is left out.
    """
    number, scale = which
    made = None
    for manner in manners(bench, plain, scale, deep):
        rnd = inputs.generator(seed, number, scale)
        try:
            values = bench.clock.limited(lambda: scaling.scale(pickle.loads(plain), scale, rnd, **manner), 5)
            maker = Maker(values)
        except BaseException:
            continue
        firsts = bench.firsts(maker, max(0.3, seconds / 2))
        how = [row[0] for row in firsts]
        if any(old == "returned" and new == "raised" for old, new in zip(known or how, how)):
            continue
        longest = max(row[2] for row in firsts)
        if made is None or longest > made[0] or "endless" in how:
            made = longest, values, maker, firsts, how
        if not manner.get("more") or "endless" in how:
            break
    if made is None:
        return None, None, False
    _, values, maker, firsts, how = made
    found = bench.times(maker, firsts, seconds)
    if found is None:
        return None, None, False
    row = {
        "input": number,
        "scale": scale,
        "size": scaling.size(values),
        "arguments": recorder.clip(", ".join(recorder.show(value, 80) for value in values), 400),
        "seconds": [[float("%.6g" % second) for second in seconds] for seconds in found],
        "digests": [row[1] for row in firsts],
        "how": how,
    }
    return row, maker, "endless" not in how


def usually(bench, values):
    """How the versions end on an input as it is; None where it cannot be made anew."""
    try:
        return [row[0] for row in bench.firsts(Maker(values), 0.3)]
    except Unusable:
        return None


def manners(bench, plain, scale, deep):
    """Ways to grow an input, as arguments of `scaling.scale`; the first serves that makes no version raise.

    A number is no larger a problem for being a multiple (of all numbers, these are the ones with small divisors):
    of several near it the one is taken on which the versions take longest.
    """
    if scale == 1:
        return [{}]
    values = pickle.loads(plain)
    fixed = bench.usual(values)
    numbers = scaling.by_numbers(values, fixed)
    if not numbers:
        return [{"vary": vary, "deep": deep, "fixed": fixed} for vary in (scaling.ALL, scaling.SOME, scaling.NONE)]
    wanted = [{"fixed": fixed, "more": more} for more in range(NEAR, 0, -1)] + [{"fixed": fixed}]
    if len(numbers) > 1:
        rest = fixed | set(numbers[1:])
        wanted += [{"fixed": rest, "more": more} for more in range(NEAR, 0, -1)] + [{"fixed": rest}]
    return wanted


def finish(bench, rows, until, send):
    """Memory and events of all that was timed, the largest first, while there is time."""
    counter = Counter()
    for row, maker in reversed(rows):
        if time.monotonic() > until:
            return
        live = [index for index, how in enumerate(row["how"]) if how != "endless"]
        memory = [0] * len(row["how"])
        events = [{} for _ in row["how"]]
        for index in live:
            events[index] = bench.events(bench.versions[index], maker, counter)
            memory[index] = bench.memory(bench.versions[index], maker)
        send({"input": row["input"], "scale": row["scale"], "memory_kb": memory, "events": events})
