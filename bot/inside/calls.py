"""Single calls of a function, each on arguments of its own, and what came of them.

Runs in a child of the fork server. What each call did is told as soon as it is known, one JSON line before and one
after it, so that a call that takes the process with it is known as the one that did. Time is limited by a timer
for each call, statements by the probes in the version that runs.

A result is compared as data (`recorder.canon`): generators and iterators are run out, coroutines awaited. One that
holds what cannot be seen (a lock, a file, a function made in a function) is not comparable, and its call is told
as `unusable`: it must neither pass for equal nor differ by an address. The same within *arguments* counts by its
type alone. What the function prints, and what it leaves in its module for the next call, is not compared.
"""

import asyncio
import base64
import dis
import json
import os
import pickle
import signal
import time
import types

from tryline_inside import express, inputs, recorder, reviving

PATIENCE = 0.3
"""Seconds that one call may take: of CPU, where the machine is busy with something else."""
BUSY = 3
"""How many times as long it may take on the wall's clock then."""
ASLEEP = 0.01
"""The share of a CPU below which a call is asleep, and not kept waiting by others."""
AGAIN = 0.1
"""Seconds after which a call that swallowed the signal gets the next one; after 20 the process ends."""
MAX_ITEMS = 1000
"""Items of a generator that are taken."""
MAX_TOLD = 3 << 20
"""Bytes that one child may tell; the host asks for the rest."""
CUT = 86
"""Exit code of a process that could be stopped by no signal."""


class Clock:
    """The timer of one call: raises StepLimit in what runs, and again in what swallows that."""

    def __init__(self):
        self.armed = False
        self.rung = 0
        self.wall = self.cpu = self.seconds = 0.0
        signal.signal(signal.SIGALRM, self.ring)

    def ring(self, signum, frame):
        """The signal's handler; what comes too late is nobody's."""
        if self.armed:
            if not self.rung and self.waiting():
                return
            self.rung += 1
            if self.rung > 20:
                os._exit(CUT)
            raise recorder.StepLimit("too slow")

    def waiting(self):
        """Whether what runs had no fair share of the CPU yet: a call must not seem endless on a busy machine."""
        spent, took = time.process_time() - self.cpu, time.monotonic() - self.wall
        return ASLEEP * took < spent < 0.8 * self.seconds and took < BUSY * self.seconds

    def limited(self, work, seconds=PATIENCE):
        """`work()`, interrupted after some time by StepLimit."""
        self.rung = 0
        self.wall, self.cpu, self.seconds = time.monotonic(), time.process_time(), seconds
        self.armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        try:
            return work()
        finally:
            self.armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def quietly(self, work, otherwise, book=None):
        """What shows a value, which may run the repository's code: it may fail, and counts no steps."""
        if book is not None:
            book.busy, book.aside = True, 0
        try:
            return self.limited(work)
        except BaseException:
            return otherwise
        finally:
            if book is not None:
                book.busy = False


def arguments(values, kinds):
    """(positional, named) for a call, from values in the order of the parameters."""
    positional, named = [], {}
    for value, (name, kind) in zip(values, kinds):
        if kind == "p":
            positional.append(value)
        elif kind == "*":
            positional.extend(value)
        elif kind == "**":
            named.update(value)
        else:
            named[name] = value
    return positional, named


def made(wanted, kinds):
    """The values of one input: from its source, or from a pickle. Raises whatever stands in its way."""
    if wanted.get("source"):
        values = list(express.evaluate(wanted["source"], wanted.get("needs") or ()))
    else:
        values = list(pickle.loads(base64.b64decode(wanted["pickled"])))
    if len(values) != len(kinds):
        raise ValueError("not as many values as parameters")
    return values


LAZY = tuple(
    type(item)
    for item in (
        iter([]),
        iter(()),
        iter(""),
        iter({}),
        iter({}.values()),
        iter({}.items()),
        iter(set()),
        iter(range(0)),
        map(id, ()),
        filter(None, ()),
        zip(),
        enumerate(()),
        reversed([]),
        (item for item in ()),
    )
)


def lazy(value):
    """Whether a result has work in it that is still to be done."""
    return isinstance(value, LAZY) or type(value).__module__ == "itertools" or awaitable(value)


def awaitable(value):
    """Whether a result needs an event loop."""
    return isinstance(value, (types.CoroutineType, types.AsyncGeneratorType))


def awaited(value, cut=None):
    """What an event loop is to run for a result."""
    return value if isinstance(value, types.CoroutineType) else gathered(value, cut)


def settled(value, cut=None):
    """A result as data: generators and iterators are run out (bounded), coroutines awaited.

    A list `cut` gets an entry when there was more to take.
    """
    if awaitable(value):
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return settled(loop.run_until_complete(awaited(value, cut)), cut)
        finally:
            asyncio.set_event_loop(None)
            loop.close()
    if lazy(value):
        out = []
        for item in value:
            if len(out) >= MAX_ITEMS:
                if cut is not None:
                    cut.append(True)
                break
            out.append(item)
        return out
    return value


async def gathered(stream, cut):
    """The items of an asynchronous generator."""
    out = []
    async for item in stream:
        if len(out) >= MAX_ITEMS:
            if cut is not None:
                cut.append(True)
            break
        out.append(item)
    return out


def codes_of(code):
    """A code object and all within it."""
    found, todo = set(), [code]
    while todo:
        item = todo.pop()
        found.add(item)
        todo.extend(constant for constant in item.co_consts if isinstance(constant, types.CodeType))
    return found


def came_from(problem, codes):
    """(line at which an exception came through the function, whether a `raise` or `assert` of its own made it)."""
    line, explicit = 0, False
    trace = problem.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        explicit = False
        if code in codes:
            line = trace.tb_lineno
            operation = dis.opname[code.co_code[trace.tb_lasti]] if trace.tb_lasti >= 0 else ""
            explicit = operation == "RAISE_VARARGS"
        trace = trace.tb_next
    return line, explicit


def in_words(problem):
    """`KeyError: 'x'`."""
    text = "%s" % problem
    return "%s: %s" % (type(problem).__name__, text) if text else type(problem).__name__


class Caller:
    """Calls one function, again and again."""

    def __init__(self, function, kinds, book):
        self.function = function
        self.kinds = kinds
        self.book = book
        self.clock = Clock()
        reviving.WATCHED[0] = True
        self.codes = codes_of(function.__code__)

    def values(self, wanted, variant, seed, number):
        """The arguments of one call, or None where they cannot be had."""

        def make():
            values = made(wanted, self.kinds)
            if variant:
                values = inputs.derive(values, inputs.generator(seed, number, variant))
            return values

        return self.clock.quietly(make, None, self.book)

    def before(self, values):
        """What is told of a call before it is made."""
        shown = ", ".join(recorder.show(value, 80) for value in values)
        source, needs = express.express(tuple(values), constructors=True)
        return {"arguments": recorder.clip(shown, 400), "source": source, "needs": needs}

    def replay(self, values):
        """[how it ended, digest, arguments and result in words], and results that cannot be seen by their type."""
        shown = ", ".join(self.clock.quietly(lambda: [recorder.show(v, 60) for v in values], ["..."], self.book))
        word, digest, result, _ = self.outcome(values, strict=False)
        if word == "returned":
            shown += " -> %s" % self.clock.quietly(lambda: recorder.show(result, 60), "...", self.book)
        elif word == "raised":
            shown += " raises %s" % type(result).__name__
        return [word, digest, shown[:300]]

    def outcome(self, values, strict=True):
        """(word, digest, result or exception, whether the result was cut) of one call.

        With `strict`, a result that holds what cannot be seen is `unusable`.
        """
        self.book.steps = self.book.overrun = 0
        cut = []
        result = None

        def work():
            positional, named = arguments(values, self.kinds)
            return settled(self.function(*positional, **named), cut)

        try:
            result = self.clock.limited(work)
            word, opaque = "returned", []
            text = recorder.canon(result, express.DEEP, opaque)
            if opaque and strict:
                word, text = "unusable", ""
        except recorder.StepLimit:
            word, text = "endless", ""
        except Exception as problem:
            result = problem
            word, text = "raised", type(problem).__name__
        except BaseException as problem:
            result = problem
            word, text = "left", type(problem).__name__
        after = recorder.canon(list(values), express.DEEP, []) if word != "endless" else ""
        digest = recorder.digest("%s|%s|%s" % (word, text, after)) if word != "unusable" else ""
        return word, digest, result, bool(cut)

    def call(self, values, told):
        """The whole row of one call; `told` is what was said before."""
        was = recorder.canon(values, express.DEEP, [])
        word, digest, result, cut = self.outcome(values)
        row = {"how": word, "digest": digest, "steps": self.book.steps}
        if word == "returned":
            row["result"] = self.clock.quietly(lambda: recorder.show(result, 200), "...", self.book)
            if not cut:
                row["answer"], needs = self.expressed(result)
                row["needs"] = recorder.ordered(told["needs"], needs)
        elif word in ("raised", "left"):
            row["raised"] = type(result).__name__
            row["result"] = self.clock.quietly(
                lambda: recorder.clip(in_words(result), 300), row["raised"], self.book
            )
            row["line"], row["explicit"] = came_from(result, self.codes)
        elif word == "unusable":
            row["result"] = "<%s: not comparable>" % type(result).__name__
        if word in ("returned", "raised") and recorder.canon(values, express.DEEP, []) != was:
            row["changed"] = True
            row["after"], needs = self.expressed(tuple(values))
            row["needs"] = recorder.ordered(row.get("needs") or told["needs"], needs)
        return row

    def expressed(self, value):
        return self.clock.quietly(lambda: express.express(value, constructors=True), ("", []), self.book)


def run(message, function, book, send):
    """Makes the calls that a message asks for; `send` takes each row. Returns whether all were made."""
    caller = Caller(function, [tuple(pair) for pair in message["parameters"]], book)
    seed, start = message.get("seed", 0), int(message.get("start", 0))
    began = time.monotonic()
    place, told = -1, 0
    for number, wanted in enumerate(message["inputs"]):
        for variant in range(int(message.get("derive", 0)) + 1):
            place += 1
            if place < start:
                continue
            if time.monotonic() - began > float(message["seconds"]) * 0.8 or told > MAX_TOLD:
                return False
            origin = "derived" if variant else wanted.get("origin", "recorded")
            values = caller.values(wanted, variant, seed, number)
            if values is None:
                told += send({"place": place, "origin": origin, "how": "unusable"})
                continue
            said = caller.clock.quietly(lambda: caller.before(values), None, book)
            said = said or {"arguments": "...", "source": "", "needs": []}
            told += send(dict(said, place=place, origin=origin, begun=True))
            told += send(dict(caller.call(values, said), place=place))
    return True


def sender(fd, mark=""):
    """A function that writes rows to a pipe as JSON lines behind a mark, and returns their size."""

    def send(row):
        data = (mark + json.dumps(row) + "\n").encode("utf-8", "surrogatepass")
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        return len(data)

    return send
