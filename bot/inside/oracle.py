"""The function in a process of its own: the tests call a stub, which asks for each call and believes values only.

Two children of the fork server share a socket. The *near* one runs the tests; in its function objects stands a
stub. The *far* one has the candidate in them and answers calls until the near one ends. It can choose what it
answers, and nothing else: an answer is a node (plain.py) that carries the question's number, and what breaks that
rule, or ends the process, ends the trial.

The near process never runs what the far one names: values are made of their parts, classes are looked up among
those that are imported, exceptions are made without their constructors. Where a question cannot be asked in plain
values, or an answer is none, the trial ends as `not-plain`.
"""

import builtins
import contextlib
import dis
import enum
import inspect
import json
import os
import socket
import struct
import threading

from tryline_inside import atoms, calls, kinds, patched, plain, recorder

MAX_FRAME = 4 << 20
"""Bytes of one question or answer."""
NUMBER = 8
"""Bytes of a question's number, which no answer can know beforehand."""
FAR = "__tryline_far__"
BASES = frozenset(["abc", "typing", "collections.abc", "numbers"])
"""Modules of abstract classes, from which any class may derive."""
LAZY = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
DENIED = "the process of the function "


class Severed(BaseException):
    """The function cannot be asked any more: the test is over. Not an Exception, so that it is not caught."""


def unfit(unit):
    """Why the function of a unit cannot be called from another process; '' where only trying it can tell."""
    if not unit.functions:
        return "no live function has this code"
    code = unit.functions[0].__code__
    if code.co_flags & LAZY:
        return "it is a generator, or asynchronous"
    if [name for name in code.co_freevars if name != "__class__"]:
        return "it is made inside another function"
    for part in calls.codes_of(code):
        for step in dis.get_instructions(part):
            if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                return "it changes the global variable %s" % step.argval
    return ""


# ---------------------------------------------------------------------------------------------- the socket


def send(channel, data):
    """One frame. Raises OSError."""
    channel.sendall(struct.pack(">I", len(data)) + data)


def receive(channel):
    """One frame; None at the end. Raises OSError, and Garbled for one that is too long."""
    head = exactly(channel, 4)
    if head is None:
        return None
    (size,) = struct.unpack(">I", head)
    if size > MAX_FRAME:
        raise plain.Garbled("an answer of %d bytes" % size)
    return exactly(channel, size)


def exactly(channel, size):
    """So many bytes; None at the end."""
    data = bytearray()
    while len(data) < size:
        more = channel.recv(min(size - len(data), 1 << 18))
        if not more:
            return None
        data += more
    return bytes(data)


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


# ------------------------------------------------------------------------------------- the tests' process


class Near:
    """The end of the tests: stands in for the function."""

    def __init__(self, channel, landmarks):
        self.channel = channel
        self.landmarks = landmarks
        self.book = None
        self.process = os.getpid()
        self.lock = threading.RLock()
        self.asking = False
        self.refused = ""
        """What could not cross."""
        self.gone = ""
        """Why there is nobody to be asked."""
        self.watch = None
        self.line = 0
        """Line of the function at which its last exception came from it."""

    def begin(self, book):
        """Lets the other process begin; returns None, or its answer that says why it cannot."""
        self.book = book
        try:
            send(self.channel, dump("begin"))
            data = receive(self.channel)
            said = None if data is None else json.loads(data.decode("utf-8"))
        except (OSError, ValueError, RecursionError, plain.Garbled):
            said = None
        if said == "ready":
            return None
        if isinstance(said, dict) and said.get("status") in ("syntax", "unswappable"):
            return {"status": said["status"], "message": str(said.get("message"))}
        return {"status": "crashed", "message": DENIED + "did not begin"}

    def install(self, unit, source):
        """Puts a stub into every live function of a unit: same name, same signature for who looks at it."""
        setattr(builtins, FAR, self.ask)
        if unit.functions and source is not None:
            self.watch = patched.Watch(source, unit.spec["source"], unit.functions[0].__globals__)
        for number, function in enumerate(unit.functions):
            try:
                signature = inspect.signature(function)
            except (TypeError, ValueError):
                signature = None
            function.__code__ = stub(function.__code__, number)
            if signature is not None and "__signature__" not in vars(function):
                function.__signature__ = signature

    def ask(self, number, positional, named):
        """One call, in the other process; returns or raises what it answers."""
        with self.lock:
            if self.refused or self.gone or self.asking or os.getpid() != self.process:
                # A question within a question comes of a signal's handler: the answers could not be told apart.
                raise Severed(self.refused or self.gone or "asked from elsewhere")
            self.asking = True
            try:
                answer = self.exchange(number, positional, named)
            except Severed:
                raise
            except BaseException as problem:  # a test's own alarm, say: what is under way cannot be taken up again
                self.gone = "a call was interrupted: %s" % type(problem).__name__
                raise
            finally:
                self.asking = False
        return self.take(*answer)

    def exchange(self, number, positional, named):
        """Sends a question and reads its answer: (word, line, result or exception). Raises Severed."""
        name = self.watch.changed() if self.watch is not None else ""
        if name:
            self.refused = "an argument is not plain: what the tests put in the place of %s" % name
            raise Severed(self.refused)
        packer = plain.Packer(landmarks=self.landmarks)
        mark = os.urandom(NUMBER).hex()
        limit = max(0, self.book.step_limit - self.book.steps)
        try:
            question = [mark, number, limit, packer.pack(positional), packer.pack(named)]
            data = dump(question)
            if len(data) > MAX_FRAME:
                raise plain.NotPlain("it is %d bytes" % len(data))
        except plain.NotPlain as problem:
            self.refused = "an argument is not plain: %s" % problem
            raise Severed(self.refused)
        try:
            send(self.channel, data)
            data = receive(self.channel)
            if data is None:
                raise plain.Garbled("ended")
            return self.read(json.loads(data.decode("ascii")), mark, packer.kept)
        except plain.NotPlain as problem:
            self.refused = "the function's answer is not plain: %s" % problem
            raise Severed(self.refused)
        except (OSError, ValueError, RecursionError, MemoryError, plain.Garbled) as problem:
            words = "ended" if isinstance(problem, OSError) else str(problem)
            self.gone = DENIED + (words if words == "ended" else "gave no answer: %s" % words[:200])
            raise Severed(self.gone)

    def read(self, answer, mark, kept):
        """An answer's (word, line, result or exception); what it changed in the arguments is changed here.

        Raises Garbled, NotPlain.
        """
        if type(answer) is not list or len(answer) != 6 or answer[0] != mark:
            raise plain.Garbled("not the answer to what was asked")
        _, word, steps, line, content, changes = answer
        if type(steps) is not int or type(line) is not int or steps < 0:
            raise plain.Garbled("no numbers of steps and line")
        self.book.steps += steps
        unpacker = plain.Unpacker(kept, self.welcome, self.landmarks)
        if word == "not-plain":
            raise plain.NotPlain(str(content)[:300])
        if word == "endless":
            return word, line, None
        if word not in ("returned", "raised") or type(changes) is not list:
            raise plain.Garbled("an unknown kind of answer")
        result = unpacker.unpack(content) if word == "returned" else plain.unpack_problem(unpacker, content)
        held = []
        for change in changes:
            if type(change) is not list or not change:
                raise plain.Garbled("no change")
            value = unpacker.known(kept, change[:1])
            if not plain.is_mutable(value):
                raise plain.Garbled("a change of what cannot change")
            held.append((value, unpacker.held(value, change[1:])))
        for value, parts in held:
            plain.fill(value, parts)
        self.compare(unpacker.made)
        return word, line, result

    def take(self, word, line, result):
        """Goes on as the call did."""
        if word == "endless":
            self.book.overrun += 1
            raise recorder.StepLimit("more than %d statements" % self.book.step_limit)
        if word == "raised":
            self.line = line
            raise result
        return result

    def welcome(self, kind):
        """Whether a new instance of a class may come from the other process.

        A member or a named tuple must compare as the interpreter does. Any other instance must be of a class of
        the repository's code outside of its tests, for which nothing runs when it is thrown away.
        """
        if issubclass(kind, (tuple, enum.Enum)):
            return kinds.is_usual(kind)
        return not hasattr(kind, "__del__") and all(self.is_of_ours(base) for base in kind.__mro__[:-1])

    def is_of_ours(self, kind):
        """Whether a class is of the repository's code outside of its tests."""
        return kind.__module__ in BASES or self.landmarks.repository.code(kind.__module__)

    @staticmethod
    def compare(values):
        """Looks whether what came is equal to what it cannot be. Raises NotPlain.

        One that is equal to everything would pass every test, whatever class of the repository's allows it.
        """
        for value in values:
            if kinds.is_simple(type(value)) and not kinds.is_usual(type(value)):
                for odd in (object(), os.urandom(8), -int.from_bytes(os.urandom(8), "big")):
                    try:
                        same = value == odd or not value != odd
                    except Exception:  # comparison of its own, with what it was not made for
                        continue
                    if same:
                        raise plain.NotPlain("a %s that is equal to anything" % atoms.kind_name(type(value)))


STUB = """\
def around():
    __class__ = None
    def stub(*positional, **named): return %s(%d, positional, named); %s
"""


def stub(code, number):
    """Code that asks for a call of the function of this number; it stands where the function stood."""
    text = "\n" * max(0, code.co_firstlineno - 3)
    text += STUB % (FAR, number, "__class__" if code.co_freevars else "")
    made = compile(text, code.co_filename, "exec", dont_inherit=True)
    found = [part for part in calls.codes_of(made) if part.co_name == "stub"][0]
    return found.replace(co_name=code.co_name)


# ---------------------------------------------------------------------------------- the function's process


class Far:
    """The end of the function: answers calls, until nobody asks any more."""

    def __init__(self, channel, landmarks, functions, book):
        self.channel = channel
        self.landmarks = landmarks
        self.functions = functions
        self.book = book
        self.codes = set()

    def serve(self, compiling):
        """The whole life of the process behind its limits: `compiling` puts the candidate in place."""
        if receive(self.channel) is None:
            return
        refused = compiling()
        send(self.channel, dump("ready" if refused is None else refused))
        if refused is not None:
            return
        for function in self.functions:
            self.codes |= calls.codes_of(function.__code__)
        while True:
            data = receive(self.channel)
            if data is None:
                return
            send(self.channel, self.answer(json.loads(data.decode("ascii"))))

    def answer(self, question):
        """The answer to one question, as bytes."""
        mark, number, self.book.step_limit, positional, named = question
        unpacker = plain.Unpacker(landmarks=self.landmarks)
        self.book.steps = self.book.overrun = 0
        try:
            positional, named = unpacker.unpack(positional), unpacker.unpack(named)
        except (plain.NotPlain, plain.Garbled) as problem:
            return dump([mark, "not-plain", 0, 0, "an argument: %s" % problem, []])
        before = [(place, plain.snapshot(v)) for place, v in enumerate(unpacker.made) if plain.is_mutable(v)]
        word, line, result = self.call(self.functions[number], positional, named)
        if self.book.overrun:
            word, result = "endless", None
        packer = plain.Packer(unpacker.made, self.landmarks)
        try:
            pack = packer.pack if word != "raised" else lambda problem: plain.pack_problem(packer, problem)
            content, changes = pack(result), []
            for place, was in before:
                value = unpacker.made[place]
                if not plain.is_same(was, plain.snapshot(value)):
                    changes.append([place] + packer.contents(value))
            data = dump([mark, word, self.book.steps, line, content, changes])
            if len(data) > MAX_FRAME:
                raise plain.NotPlain("%d bytes" % len(data))
            return data
        except (plain.NotPlain, RecursionError) as problem:
            return dump([mark, "not-plain", self.book.steps, 0, str(problem), []])

    def call(self, function, positional, named):
        """(word, line, result or exception) of one call."""
        try:
            return "returned", 0, function(*positional, **named)
        except recorder.StepLimit:
            return "endless", 0, None
        except BaseException as problem:
            line, _ = calls.came_from(problem, self.codes)
            return "raised", line, problem


# ------------------------------------------------------------------------------------- the server's part


class Mate:
    """The far process as the server sees it."""

    def __init__(self, pid, near):
        self.pid = pid
        self.near = near
        self.status = None
        self.usage = None

    def end(self, kill):
        """Ends it with `kill(pid)`, where it has not ended by itself, now that the near process is over.

        Returns {"signal"} or {"exit"} of an end that was its own doing, and nothing of one that was not.
        """
        pid, status, self.usage = os.wait4(self.pid, os.WNOHANG)
        if pid:
            if os.WIFSIGNALED(status):
                return {"signal": os.WTERMSIG(status)}
            return {"exit": os.WEXITSTATUS(status)} if os.WEXITSTATUS(status) else {}
        kill(self.pid)
        _, _, self.usage = os.wait4(self.pid, 0)
        return {}


def split(begin):
    """Starts the far process, in which `begin(channel)` does all; returns its Mate. Raises OSError."""
    near, far = socket.socketpair()
    try:
        pid = os.fork()
    except OSError:
        near.close()
        far.close()
        raise
    if pid == 0:
        try:
            near.close()
            begin(far)
        finally:
            os._exit(0)
    far.close()
    return Mate(pid, near)


def close_all_but(kept):
    """Closes every file descriptor but one and the standard ones."""
    try:
        open_now = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        open_now = range(4096)
    for fd in open_now:
        if fd > 2 and fd != kept:
            with contextlib.suppress(OSError):
                os.close(fd)


def shield():
    """Keeps processes of the same user from reading and writing this one's memory (Linux, ctypes)."""
    try:
        import ctypes

        return ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0  # PR_SET_DUMPABLE
    except (ImportError, OSError, AttributeError):
        return False
