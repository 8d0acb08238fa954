"""What pytest is told: results as a stream of events, a time limit for each test, and short failure texts."""

import functools
import json
import os
import signal

import pytest
from _pytest.assertion import rewrite


class TestTimeout(BaseException):
    """A test used more CPU time than it may. Not an Exception, so that the code under test does not catch it."""

    __test__ = False


class Reporter:
    """Sends JSON lines to the agent's pipe as things happen, so that a killed run still tells what it did."""

    def __init__(self, fd, mark=""):
        self.fd = fd
        self.mark = mark
        """Begins each line: what somebody else writes to the pipe does not have it."""

    def send(self, **event):
        """One event. Large events are written whole: the agent reads lines."""
        data = (self.mark + json.dumps(event) + "\n").encode("utf-8", "surrogatepass")
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view) :]


def brief(excinfo, size=500):
    """A failure's text: the exception's own words, clipped; it cannot raise."""
    try:
        text = "%s: %s" % (excinfo.type.__name__, excinfo.value)
    except BaseException:  # the repository's `__str__` may do anything
        text = excinfo.type.__name__
    return text if len(text) <= size else text[: size - 80] + "..." + text[-77:]


def frames_of(excinfo, root, limit=40):
    """[[path relative to the root, line, function]] of a traceback, innermost last, repository files only."""
    found = []
    trace = excinfo.tb
    while trace is not None:
        code = trace.tb_frame.f_code
        path = relative(code.co_filename, root)
        if path:
            found.append([path, trace.tb_lineno, getattr(code, "co_qualname", code.co_name)])
        trace = trace.tb_next
    return found[-limit:]


@functools.lru_cache(maxsize=4096)
def relative(path, root):
    """A path relative to the root, empty outside it; kept, as resolving one asks the system for each folder."""
    path = os.path.realpath(path)
    return os.path.relpath(path, root) if path.startswith(root + os.sep) else ""


def outcome_of(reports):
    """One word for a test's set-up, call and tear-down reports."""
    word = ""
    for report in reports:
        expected = getattr(report, "wasxfail", None) is not None
        if report.failed:
            # An unexpected pass of a strict xfail comes as a failure whose text says so.
            return "failed" if report.when == "call" else "error"
        if report.skipped:
            word = word or ("xfailed" if expected else "skipped")
        elif report.when == "call" and expected:
            word = word or "xpassed"
    return word or "passed"


def probe_tests(overrides):
    """Lets the probes into test modules, which pytest compiles itself as it rewrites their assertions."""
    usual = rewrite.rewrite_asserts

    def rewrite_asserts(tree, *rest, **more):
        # The path is a positional argument, and which one has changed; the source before it is bytes.
        path = more.get("module_path") or next((value for value in rest if isinstance(value, str)), "")
        overrides.probe(tree, path)
        return usual(tree, *rest, **more)

    rewrite.rewrite_asserts = rewrite_asserts


def ease(session):
    """Does once what each forked child would do anew, to look up where tests stand, and prints nothing: nobody
    would read it."""
    for item in session.items:
        try:
            item.location  # noqa: B018 - pytest keeps it
        except Exception:  # an item of the repository's own making; it says so when it is run
            pass
    printing = session.config.pluginmanager.getplugin("terminalreporter")
    hook = session.config.hook
    for caller in (hook.pytest_runtest_logstart, hook.pytest_runtest_logreport, hook.pytest_runtest_logfinish):
        for one in caller.get_hookimpls():
            if printing is not None and one.plugin is printing:
                one.function = nothing


def nothing(*_):
    """In place of what prints."""


class Plugin:
    """Registered with pytest for one run."""

    def __init__(self, spec, reporter, recorder):
        self.spec = spec
        self.root = os.path.realpath(spec["root"])
        self.reporter = reporter
        self.recorder = recorder
        self.reports = []
        self.failure = None
        self.limits = spec.get("test_limits") or {}
        self.default_limit = float(spec.get("test_seconds") or 0)
        self.limit = 0.0
        self.main = os.getpid()

    # -- collection

    def pytest_collection_modifyitems(self, session, config, items):
        """Keeps the wanted tests, in the wanted order if one is given."""
        wanted = self.spec.get("select")
        if wanted is None:
            return
        order = {test: index for index, test in enumerate(wanted)}

        def place(item):
            # A file's own name (of one that could not be collected elsewhere) stands for all its tests.
            return order.get(item.nodeid, order.get(item.nodeid.split("::", 1)[0]))

        keep = [item for item in items if place(item) is not None]
        if self.spec.get("ordered"):
            keep.sort(key=place)
        items[:] = keep

    def pytest_collectreport(self, report):
        """A file that cannot be imported is an error of its own, with the frames that led there."""
        if report.failed:
            text = str(report.longrepr)
            self.reporter.send(
                event="collect-error",
                id=report.nodeid or "(collection)",
                message=text[-1500:],
                frames=getattr(report, "tryline_frames", []),
                exception=getattr(report, "tryline_exception", ""),
            )

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector):
        """Notes where a collection error came from, before pytest turns it into text."""
        result = yield
        report = result.get_result()
        if report.failed:
            call = getattr(report, "call", None)
            excinfo = getattr(call, "excinfo", None)
            cause = excinfo.value.__cause__ if excinfo is not None else None
            if cause is not None:
                report.tryline_exception = type(cause).__name__
                report.tryline_frames = frames_of(_Info(cause), self.root)
            elif excinfo is not None:
                report.tryline_exception = excinfo.type.__name__
                report.tryline_frames = frames_of(excinfo, self.root)

    def pytest_collection_finish(self, session):
        """Tells what was collected before anything runs."""
        self.reporter.send(event="collected", ids=[item.nodeid for item in session.items])

    # -- running

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        """One test: its events, its lines, its calls, its time limit."""
        self.reports = []
        self.failure = None
        self.reporter.send(event="start", id=item.nodeid)
        if self.recorder is not None:
            self.recorder.begin()
        limit = self.limit = float(self.limits.get(item.nodeid) or self.default_limit)
        if limit:
            # CPU time, not wall time: an endless loop burns it, and SIGALRM stays free for the tests' own use.
            signal.signal(signal.SIGPROF, self.expire)
            signal.setitimer(signal.ITIMER_PROF, limit, 0.2)
        try:
            yield
        finally:
            if limit:
                signal.setitimer(signal.ITIMER_PROF, 0)
        if os.getpid() != self.main:
            os._exit(0)  # a test forked, and its child came back here
        self.finish(item)

    def expire(self, signum, frame):
        """The timer of a test."""
        if os.getpid() == self.main:
            raise TestTimeout("more CPU time than %.1f s" % self.limit)

    def finish(self, item):
        """The event of a test that ended."""
        word = outcome_of(self.reports)
        failure = self.failure or {}
        if failure.get("exception") == "TestTimeout":
            word = "timeout"
        event = {
            "event": "end",
            "id": item.nodeid,
            "outcome": word,
            "seconds": round(sum(report.duration for report in self.reports), 6),
            "message": failure.get("message", ""),
            "exception": failure.get("exception", ""),
            "frames": failure.get("frames", []),
        }
        if self.recorder is not None:
            event["lines"] = self.recorder.lines()
            event["calls"] = self.recorder.calls
        self.reporter.send(**event)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Keeps the first failure as data."""
        # The clock stands still while pytest writes the failure down: its own code must not be interrupted.
        left, again = signal.setitimer(signal.ITIMER_PROF, 0) if self.limit else (0, 0)
        result = yield
        if left:
            expired = call.excinfo is not None and isinstance(call.excinfo.value, TestTimeout)
            signal.setitimer(signal.ITIMER_PROF, self.limit if expired else left, again)
        report = result.get_result()
        self.reports.append(report)
        if report.failed and self.failure is None:
            if call.excinfo is not None:
                self.failure = {
                    "message": brief(call.excinfo),
                    "exception": call.excinfo.type.__name__,
                    "frames": frames_of(call.excinfo, self.root),
                }
            else:
                self.failure = {"message": str(report.longrepr)[:500], "exception": "", "frames": []}

    def pytest_sessionfinish(self, session, exitstatus):
        """The runner's own word on how it ended."""
        self.reporter.send(event="finish", code=int(exitstatus))


class _Info:
    """The part of pytest's ExceptionInfo that `frames_of` reads."""

    def __init__(self, problem):
        self.tb = problem.__traceback__
