"""One pytest process: runs a suite and reports it, or collects it and serves candidates by forking.

Started by the agent as `python runner.py SPEC`, SPEC being JSON or `@FILE`. Spec keys:

    root          the repository's root, where it is started
    report_fd     pipe for events (plugin.Reporter)
    mark_fd       if present: pipe from which the mark is read that each line of the report begins with
    ask_fd        if present: serve candidates asked for on this pipe after collection (serve.py)
    own           {lowest, highest, room, lists, processes}: ids and places for its children (tenants.py), or null
    args          arguments for pytest
    select        ids to run, or null for all that are collected;  ordered: run them in that order
    targets       {file: [{line, name, id, calls}]} functions to watch;  watch: {lines, calls, per_test, total,
                per_function}
    replace       {file: text} compiled in place of what is on disk, by importers of this process only
    test_seconds  CPU seconds a test may use;  test_limits: the same by id
"""

import json
import os
import sys


def marked(fd):
    """The mark on a pipe, which nothing of the repository's can read again; '' without a pipe."""
    if fd is None:
        return ""
    with open(fd) as stream:
        return stream.read()


def main():
    """Runs; the exit code is pytest's."""
    argument = sys.argv[1]
    if argument.startswith("@"):
        with open(argument[1:]) as stream:
            argument = stream.read()
    spec = json.loads(argument)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # Our folder must not shadow anything of the repository's: it is on the path only while we import ourselves.
    sys.path[0] = here
    if "ask_fd" in spec:  # what only the fork server needs is not loaded where a suite is judged
        from tryline_inside import tenants

        house = tenants.House(spec.get("own"))  # forks what clears up, while this process is small
        from tryline_inside import serve
    from tryline_inside import express, instrument, plugin, recorder

    sys.path[0] = os.getcwd()  # as `python -m pytest` does
    os.set_inheritable(spec["report_fd"], False)
    reporter = plugin.Reporter(spec["report_fd"], marked(spec.pop("mark_fd", None)))
    targets = spec.get("targets") or {}
    watch = spec.get("watch") or {}
    book = None
    if targets:
        book = recorder.Recorder(
            per_test=watch.get("per_test", 12),
            total=watch.get("total", 400),
            per_function=watch.get("per_function", 0),
            express=express.express,
        )
        instrument.publish(book)
    overrides = instrument.Overrides(spec["root"])
    for file, text in (spec.get("replace") or {}).items():
        overrides.replacing(file, text)
    for file, wanted in targets.items():
        overrides.observing(file, wanted, book, watch.get("lines", True), watch.get("calls", True))
    if targets:
        plugin.probe_tests(overrides)
    plugins = [plugin.Plugin(spec, reporter, book)]
    if "ask_fd" in spec:
        os.set_inheritable(spec["ask_fd"], False)
        plugins.append(serve.Server(spec, reporter, house))
    sys.argv = ["pytest"] + list(spec["args"])

    import pytest

    code = pytest.main(list(spec["args"]), plugins=plugins)
    reporter.send(event="exit", code=int(code))
    sys.stdout.flush()
    # Threads of the repository that are not daemons must not keep a finished run alive.
    os._exit(int(code))


if __name__ == "__main__":
    main()
