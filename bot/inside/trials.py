"""What a forked child does: a candidate is put in place, and the guide tests, single calls or a race are run."""

import os
import time

from tryline_inside import calls, instrument, landmarks, oracle, plugin, recorder, swap, timing


class _Events(list):
    """Takes events in a child instead of the agent's pipe."""

    def send(self, **event):
        """Keeps one event."""
        self.append(event)


class Work:
    """The work of the children: the unit that candidates replace, and the tests that were collected."""

    def __init__(self):
        self.unit = None
        self.items = {}
        self.session = None
        self.reporting = None
        self.near = None
        """Where the function is asked for, when it has a process of its own."""
        self.landmarks = None

    def start(self, session):
        """Takes what was collected. What is set here is set once: children share its pages."""
        self.session = session
        self.items = {item.nodeid: item for item in session.items}
        plugins = session.config.pluginmanager.get_plugins()
        self.reporting = next(one for one in plugins if isinstance(one, plugin.Plugin))
        shorten()
        plugin.ease(session)

    def do(self, message, send):
        """Does what a message asks for and tells it: a dictionary at the end, lines before it where it streams."""
        kind = message["kind"]
        if kind == "measure":
            send(self.measure(message, send))
        elif kind == "call":
            send(self.calls(message, send))
        elif kind == "replay":
            send(self.replay(message))
        else:
            send(self.trial(message))

    def compile(self, message, book, record=""):
        """Puts the candidate in place; returns None, or the answer that says why not."""
        instrument.publish(book)
        if message.get("source") is None:
            return None
        try:
            if not self.unit.functions:
                raise swap.Unswappable("no live function has this code")
            code, defaults = self.unit.compile(message["source"], bool(book.trace_limit), record)
        except swap.Unswappable as problem:
            return {"status": "unswappable", "message": str(problem)}
        except (SyntaxError, ValueError, RecursionError) as problem:
            return {"status": "syntax", "message": str(problem)}
        self.add_imports(message.get("imports") or ())
        self.unit.install(code, defaults)
        return None

    def add_imports(self, statements):
        """Runs import statements where the live functions look for names."""
        for statement in statements:
            for function in self.unit.functions:
                exec(compile(statement, self.unit.file, "exec"), function.__globals__)

    def trial(self, message):
        """Runs the guide tests on a candidate."""
        book = recorder.Recorder(
            per_test=int(message.get("per_test", 40)),
            total=int(message.get("pairs", 0)),
            step_limit=int(message.get("step_limit", 10**9)),
            trace_limit=int(message.get("trace", 0)),
            pairs=True,
        )
        near = self.near
        if near is not None:
            refused = near.begin(book)
            near.install(self.unit, message.get("source"))
        else:
            refused = self.compile(message, book, "target" if message.get("pairs") or book.trace_limit else "")
        if refused is not None:
            return refused
        reporting = self.reporting
        events = reporting.reporter = _Events()
        reporting.main = os.getpid()
        if reporting.recorder is not None:  # lines of test modules are watched
            book.share(reporting.recorder)
        reporting.recorder = None
        limits = message.get("step_limits") or {}
        wanted = [self.items[test] for test in message["tests"] if test in self.items]
        rows, lines = [], {}
        hook = self.session.config.hook
        total = 0
        for index, item in enumerate(wanted):
            book.steps = book.overrun = 0
            book.begin()
            book.step_limit = int(limits.get(item.nodeid) or message.get("step_limit", 10**9))
            del events[:]
            following = wanted[index + 1] if index + 1 < len(wanted) else None
            self.session.shouldfail = self.session.shouldstop = False
            try:
                hook.pytest_runtest_protocol(item=item, nextitem=following)
            except BaseException as problem:  # pytest.exit, SystemExit in a hook: the candidate's doing
                rows.append(
                    [item.nodeid, "crashed", type(problem).__name__, type(problem).__name__, 0, 0.0, book.steps, 0]
                )
                break
            if near is not None and (near.refused or near.gone):
                return {"status": "not-plain" if near.refused else "crashed", "message": near.refused or near.gone}
            end = next((event for event in events if event["event"] == "end"), None)
            total += book.steps
            if end is None:
                rows.append([item.nodeid, "crashed", "no outcome was reported", "", 0, 0.0, book.steps, 0])
                break
            word = end["outcome"]
            if book.overrun or end["exception"] == "StepLimit":
                word = "timeout"
            line = progress = 0
            for path, number, _ in end["frames"]:
                if path == self.unit.spec["file"]:
                    line = number if near is None or number != self.unit.spec["line"] else near.line
                if not progress and path == item.nodeid.split("::")[0]:
                    progress = number
            if book.places:
                lines[item.nodeid] = book.lines()
            row = [item.nodeid, word, end["message"][:300], end["exception"], line, end["seconds"]]
            rows.append([*row, book.steps, progress])
            if message.get("stop_first") and word not in ("passed", "xfailed"):
                break
        said = {"rows": rows, "steps": total, "pairs": book.pairs, "trace": book.trace, "lines": lines}
        return dict(said, status="ran")

    def part(self, root):
        """Makes ready, before the first fork that needs it, what two processes know each other's values by."""
        if self.landmarks is None:
            tests = {"%s/%s" % (root, test.split("::")[0]) for test in self.items}
            self.landmarks = landmarks.Landmarks(landmarks.Repository(root, tests))

    def answer(self, message, channel):
        """The whole work of the process that has the function to itself."""
        book = recorder.Recorder(step_limit=int(message.get("step_limit", 10**9)))
        oracle.Far(channel, self.landmarks, self.unit.functions, book).serve(lambda: self.compile(message, book))

    def replay(self, message):
        """Calls the function itself on recorded and derived arguments, for the referee: outcomes alone."""
        book = recorder.Recorder(step_limit=int(message["step_limit"]))
        refused = self.compile(message, book)
        if refused is not None:
            return refused
        kinds = [tuple(pair) for pair in message["parameters"]]
        caller = calls.Caller(self.unit.functions[0], kinds, book)
        outcomes = []
        began = time.monotonic()
        for number, encoded in enumerate(message["inputs"]):
            for variant in range(int(message.get("derive", 0)) + 1):
                if time.monotonic() - began > float(message["seconds"]) * 0.8:
                    return {"status": "ran", "outcomes": outcomes, "complete": False}
                values = caller.values({"pickled": encoded}, variant, message.get("seed", 0), number)
                outcomes.append(["unusable", "", ""] if values is None else caller.replay(values))
        return {"status": "ran", "outcomes": outcomes, "complete": True}

    def calls(self, message, send):
        """Calls the function itself on any arguments, and tells all that can be told of each call."""
        book = recorder.Recorder(step_limit=int(message["step_limit"]))
        if message.get("source") is None and self.unit.functions:
            # The function as it stands has no probes: its own text with them takes its place, where that can be.
            self.compile(dict(message, source=self.unit.spec["source"]), book)
        refused = self.compile(message, book)
        if refused is not None:
            return refused
        if not self.unit.functions:
            return {"status": "unswappable", "message": "no live function has this code"}
        return {"status": "ran", "complete": calls.run(message, self.unit.functions[0], book, send)}

    def versions(self, asked):
        """Versions to be timed, as code for the live functions; where decorators differ from one to the next, each
        as a function of its own, with its decorators around it. Raises SyntaxError, Unswappable."""
        own = self.unit.spec["source"]
        texts = [wanted.get("source") or own for wanted in asked]
        alike = all(self.unit.plainly(text) for text in texts if text != own)
        made = []
        for wanted, text in zip(asked, texts):
            original = timing.Version.of(self.unit.functions[0])
            if not alike:
                self.add_imports(wanted.get("imports") or ())
                original.made = self.unit.decorated(text)
                made.append(original)
            elif wanted.get("source") is None:
                made.append(original)
            else:
                code, defaults = self.unit.compile(text, probes=False)
                self.add_imports(wanted.get("imports") or ())
                made.append(timing.Version(code, defaults if defaults is not None else original.defaults))
        return made

    def measure(self, message, send):
        """Takes times of several versions, in turns."""
        if not self.unit.functions:
            return {"status": "unswappable", "message": "no live function has this code"}
        try:
            versions = self.versions(message["versions"])
        except swap.Unswappable as problem:
            return {"status": "unswappable", "message": str(problem)}
        except (SyntaxError, ValueError, RecursionError) as problem:
            return {"status": "syntax", "message": str(problem)}
        kinds = [tuple(pair) for pair in message["parameters"]]
        timing.run(message, timing.Bench(self.unit, versions, kinds, message.get("seed", 0)), send)
        return {"status": "ran"}


def shorten():
    """Failure texts of children's tests are the exception's own words: pytest's take seven times the CPU."""
    from _pytest import nodes, python

    def text(self, excinfo, style=None):
        return plugin.brief(excinfo)

    nodes.Node._repr_failure_py = text
    nodes.Node.repr_failure = text
    python.Function.repr_failure = text
