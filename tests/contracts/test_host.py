"""What every host promises, whatever the platform: each thing is said once, to the right lines, by us alone."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from servers.stages import DONE, FAULTS, STAGES, Said, Stage

from bot.domain import FileStatus
from bot.errors import ForgeError
from bot.forges import Host
from bot.markers import Marker, read, signed
from bot.plan import Amended, Annotation, CheckRun, Inline, Known, Level, Mark, Memory, Order, Plan, Task

pytestmark = pytest.mark.thorough

BASE = "".join(f"line_{n} = {n}\n" for n in range(1, 41))
HEAD = BASE.replace("line_10 = 10\n", "line_10 = 0\n").replace("line_30 = 30\n", "line_30 = 0\n")
F1, F2, F3 = "1" * 12, "2" * 12, "3" * 12
MEMORY = Memory(head="a" * 40, functions={"mod.py::f": "d" * 32}, findings=(Known(F1, "mod.py::f", "r", "t"),))


def summary(text: str = "What was found.", memory: Memory | None = MEMORY) -> str:
    return signed(text, Marker("summary", memory=memory))


def said(finding: str, text: str = "It fails.", *, withdrawn: bool = False) -> str:
    return signed(text, Marker("finding", finding, withdrawn))


def inline(finding: str, line: int = 10, start: int | None = None, path: str = "mod.py") -> Inline:
    return Inline(finding, path, line, start, said(finding))


BOTH = (inline(F1), inline(F2, 31, 29))
PASSED = CheckRun(Mark.SUCCESS, "Nothing found", "In short.")
FAILED = CheckRun(
    Mark.FAILURE, "2 findings", "In short.", (Annotation("mod.py", 10, 10, Level.WARNING, "It fails", "so"),)
)


def plan(stage: Stage, *create: Inline, **more: Any) -> Plan:
    """To say this of the pull request's head."""
    fields: dict[str, Any] = {
        "number": stage.number,
        "head": stage.head,
        "summary": summary(),
        "summary_if_refused": summary("What was found, in full."),
        "create": create,
    }
    return Plan(**(fields | more))


def failing(do: Callable[..., Any], *arguments: Any) -> ForgeError:
    with pytest.raises(ForgeError) as caught:
        do(*arguments)
    return caught.value


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A pull request that changes two places of a file; the test ends with a look at the platform's contract."""
    made: Stage = STAGES[request.param]({"mod.py": BASE, "old.py": BASE + "# moved\n"}, {"mod.py": HEAD})
    try:
        yield made
        made.check()
    finally:
        made.close()


# ------------------------------------------------------------------------------------------------- what is there


def test_the_pull_request_as_it_is_now(stage: Stage) -> None:
    host: Host = stage.host()
    pull = host.pull(stage.number)
    assert (pull.number, pull.head, pull.base, pull.base_ref) == (1, stage.head, stage.base, "main")
    assert (pull.head_label, pull.author, pull.bot) == (stage.label, "alice", False)
    assert (pull.fork, pull.draft, pull.open) == (False, False, True)
    assert host.dialect.noun in ("pull request", "merge request")
    pushed = stage.push({"mod.py": HEAD + "more = 1\n"})
    assert stage.host().pull(1).head == pushed
    stage.end(1)
    assert not stage.host().pull(1).open


def test_drafts_machines_and_forks_are_told(stage: Stage) -> None:
    stage.push({"a.py": "a = 1\n"}, branch="other")
    draft = stage.open("other", draft=True)
    assert stage.host().pull(draft).draft
    stage.push({"b.py": "b = 1\n"}, branch="machine")
    assert stage.host().pull(stage.open("machine", author=stage.us)).bot
    number, label, head = stage.fork({"mod.py": HEAD})
    pull = stage.host().pull(number)
    assert (pull.fork, pull.head_label, pull.head, pull.author) == (True, label, head, "eve")


def test_it_is_found_by_its_branch_at_its_commit(stage: Stage) -> None:
    host = stage.host()
    found = host.pull_of(stage.label, stage.head)
    assert found == host.pull(1)
    number, label, head = stage.fork({"mod.py": HEAD})
    found = host.pull_of(label, head)
    assert found is not None
    assert (found.number, found.fork) == (number, True)
    project = stage.label.rpartition(":")[0]
    for wrong, commit in (
        (stage.label, "0" * 40),
        (stage.label, stage.base),
        (f"{project}:main", stage.head),
        (f"nobody/nothing-{project}:feature", stage.head),
        ("feature", stage.head),
        ("", stage.head),
    ):
        assert host.pull_of(wrong, commit) is None
    stage.end(1)
    assert host.pull_of(stage.label, stage.head) is None


@pytest.mark.parametrize(
    ("actor", "may"),
    [("alice", True), ("bob", True), ("mia", True), ("rae", False), ("eve", False), ("nobody", False), ("", False),
     ("../bob", False), ("bob?x=1", False), ("bob/../alice", False)],
)  # fmt: skip
def test_who_may_command(stage: Stage, actor: str, may: bool) -> None:
    assert stage.host().may_command(actor) is may


def test_nobody_may_where_it_cannot_be_found_out(stage: Stage) -> None:
    for fault in ("403", "500", "no json", "another shape"):
        stage.spoil("anything", fault, times=50)
        assert not stage.host().may_command("bob")
        assert stage.mend()


def test_the_diff_has_the_lines_that_bear_comments(stage: Stage) -> None:
    stage.push(
        {"new.py": "one = 1\ntwo = 2\n", "old.py": None, "moved.py": BASE + "# moved, and more\n", "bin": b"\0"}
    )
    files = {file.path: file for file in stage.host().diff(1)}
    assert set(files) == {"mod.py", "new.py", "moved.py", "bin"}
    assert files["mod.py"].commentable() == {*range(7, 14), *range(27, 34)}
    assert (files["new.py"].status, files["new.py"].commentable()) == (FileStatus.ADDED, {1, 2})
    assert (files["moved.py"].status, files["moved.py"].old_path) == (FileStatus.RENAMED, "old.py")
    assert files["bin"].hunks == ()


def test_git_gets_in_with_the_remote_and_no_address_holds_the_token(stage: Stage) -> None:
    remote = stage.host().remote()
    assert stage.token not in remote.url + repr(remote)
    listing = ["git", "-c", f"http.extraHeader=Authorization: {remote.header}", "ls-remote", remote.url, "main"]
    shown = subprocess.run(listing, capture_output=True, text=True, check=True)
    assert shown.stdout == f"{stage.base}\trefs/heads/main\n"


# -------------------------------------------------------------------------------------------------- the delivery


def test_a_plan_becomes_comments_on_lines_and_one_summary(stage: Stage) -> None:
    host = stage.host()
    delivery = host.publish(plan(stage, *BOTH))
    one, two = stage.on_lines()
    assert one == Said(one.key, said(F1), stage.us, 10)
    assert two == Said(two.key, said(F2), stage.us, 31, 29)
    (below,) = stage.below()
    assert below == Said(below.key, summary(), stage.us)
    assert (delivery.created, delivery.edited, delivery.deleted, delivery.kept) == (2, 0, 0, 0)
    assert (delivery.on_lines, delivery.problems) == ((F1, F2), ())
    assert str(below.key) in delivery.summary
    assert delivery.summary.startswith("http://")


def test_doing_it_again_changes_nothing(stage: Stage) -> None:
    stage.host().publish(plan(stage, *BOTH, check=FAILED))
    before, writes = (stage.on_lines(), stage.below(), stage.checks()), stage.writes()
    delivery = stage.host().publish(plan(stage, *BOTH, check=FAILED))
    assert (stage.on_lines(), stage.below(), stage.checks()) == before
    assert (delivery.created, delivery.kept, delivery.on_lines) == (0, 2, (F1, F2))
    assert stage.writes() == writes


def test_what_was_said_is_read_again(stage: Stage) -> None:
    assert stage.host().conversation(1).comments == ()
    assert stage.host().conversation(1).summary is None
    stage.host().publish(plan(stage, *BOTH))
    found = stage.host().conversation(1)
    assert found.memory == MEMORY
    assert found.summary is not None
    assert found.summary.body == summary()
    assert [(one.finding, one.path, one.line, one.start_line) for one in found.comments] == [
        (F1, "mod.py", 10, None),
        (F2, "mod.py", 31, 29),
    ]
    assert [one.key for one in found.comments] == [one.key for one in stage.on_lines()]
    assert not any(one.answered or one.withdrawn for one in found.comments)


def test_comments_follow_their_lines_or_are_outdated(stage: Stage) -> None:
    stage.host().publish(plan(stage, inline(F1), inline(F2, 30)))
    stage.push({"mod.py": "# top\n" + HEAD.replace("line_10 = 0", "line_10 = 5")})
    assert [one.line for one in stage.host().conversation(1).comments] == [None, 31]
    delivery = stage.host().publish(plan(stage, inline(F1, 11), kept=(F2,)))
    assert (delivery.created, delivery.kept) == (1, 1)
    assert set(delivery.on_lines) == {F1, F2}
    assert [one.line for one in stage.on_lines()] == [None, 31, 11]


def test_a_new_file_bears_comments(stage: Stage) -> None:
    stage.push({"pkg/new.py": "one = 1\ntwo = 2\nthree = 3\n"})
    delivery = stage.host().publish(
        plan(stage, inline(F1, 1, path="pkg/new.py"), inline(F2, 3, 2, path="pkg/new.py"))
    )
    assert delivery.on_lines == (F1, F2)
    assert [(one.line, one.start_line) for one in stage.on_lines()] == [(1, None), (3, 2)]


def test_so_does_a_renamed_one(stage: Stage) -> None:
    stage.push({"old.py": None, "moved.py": BASE.replace("line_20 = 20", "line_20 = 0") + "# moved\n"})
    places = (inline(F1, 20, path="moved.py"), inline(F2, 22, 21, path="moved.py"))
    delivery = stage.host().publish(plan(stage, *places))
    assert delivery.on_lines == (F1, F2)


def test_comments_are_edited_deleted_and_withdrawn(stage: Stage) -> None:
    stage.host().publish(plan(stage, inline(F1), inline(F2, 31, 29), inline(F3, 30)))
    one, two, three = stage.host().conversation(1).comments
    edits = (
        Amended(one.key, F1, said(F1, "It fails otherwise.")),
        Amended(three.key, F3, said(F3, "It is gone.", withdrawn=True), withdrawn=True),
    )
    delivery = stage.host().publish(plan(stage, edit=edits, delete=(two.key,), summary=summary("Less.")))
    assert (delivery.created, delivery.edited, delivery.deleted) == (0, 2, 1)
    assert delivery.on_lines == (F1,)
    assert [one.body for one in stage.on_lines()] == [edits[0].body, edits[1].body]
    assert [one.body for one in stage.below()] == [summary("Less.")]
    again = stage.host().conversation(1).comments
    assert [(posted.finding, posted.withdrawn) for posted in again] == [(F1, False), (F3, True)]
    # A finding that comes back is told anew.
    assert stage.host().publish(plan(stage, inline(F3, 30))).created == 1


def test_what_somebody_deletes_meanwhile_is_a_problem_and_no_error(stage: Stage) -> None:
    stage.host().publish(plan(stage, *BOTH))
    one, two = stage.host().conversation(1).comments
    for key in (one.key, two.key):
        stage.delete(key)
    delivery = stage.host().publish(plan(stage, edit=(Amended(one.key, F1, said(F1, "New.")),), delete=(two.key,)))
    assert (delivery.edited, delivery.deleted, len(delivery.problems)) == (0, 0, 1)


def test_what_people_have_answered_stays(stage: Stage) -> None:
    stage.host().publish(plan(stage, *BOTH))
    one, two = stage.host().conversation(1).comments
    stage.reply(one.key, "No.", "bob")
    stage.reply(two.key, "A note of ours.", stage.us)
    one, two = stage.host().conversation(1).comments
    assert (one.answered, two.answered) == (True, False)
    edits = tuple(Amended(posted.key, posted.finding, said(posted.finding, "New.")) for posted in (one, two))
    delivery = stage.host().publish(plan(stage, edit=edits, delete=(one.key,)))
    assert (delivery.edited, delivery.deleted, len(delivery.problems)) == (1, 0, 2)
    assert [said_.body for said_ in stage.on_lines()[:2]] == [said(F1), said(F2, "New.")]


def test_what_others_say_is_never_ours(stage: Stage) -> None:
    forged = summary("Trust me.", Memory(ignored={F1: "eve"}))
    for author in ("eve", "alice"):
        stage.comment(forged, author)
        stage.comment_on_line(10, said(F1), author)
    theirs = tuple(one.key for one in stage.on_lines())
    before = stage.on_lines() + stage.below()
    found = stage.host().conversation(1)
    assert (found.summary, found.comments, found.memory) == (None, (), Memory())
    edits = tuple(Amended(key, F1, said(F1, "Changed.")) for key in theirs)
    delivery = stage.host().publish(plan(stage, *BOTH, edit=edits, delete=theirs))
    assert (delivery.created, delivery.edited, delivery.deleted) == (2, 0, 0)
    assert stage.on_lines()[:2] + stage.below()[:2] == before
    assert (len(stage.on_lines()), len(stage.below())) == (4, 3)


def test_a_marker_that_we_quote_is_none(stage: Stage) -> None:
    stage.comment(summary("Quoted.") + "\n\nand more", stage.us)
    assert stage.host().conversation(1).summary is None


def test_lines_that_are_refused_go_into_the_summary(stage: Stage) -> None:
    delivery = stage.host().publish(plan(stage, inline(F1, 4_000), inline(F2, 3, path="none.py")))
    assert (delivery.created, delivery.on_lines, stage.on_lines()) == (0, (), [])
    assert [one.body for one in stage.below()] == [summary("What was found, in full.")]
    assert delivery.problems


def test_a_head_that_was_thrown_out_is_no_error(stage: Stage) -> None:
    delivery = stage.host().publish(plan(stage, *BOTH, head="9" * 40))
    assert (delivery.created, stage.on_lines()) == (0, [])
    assert [one.body for one in stage.below()] == [summary("What was found, in full.")]


def test_much_is_read_to_its_end(stage: Stage) -> None:
    for number in range(102):
        stage.comment_on_line(10, f"note {number}")
    stage.comment("note")
    for _ in range(2):
        stage.host().publish(plan(stage, *BOTH))
    assert [posted.finding for posted in stage.host().conversation(1).comments] == [F1, F2]
    assert (len(stage.on_lines()), len(stage.below())) == (104, 2)


# --------------------------------------------------------------------------------------------------- the summary


def test_the_summary_is_one_and_keeps_what_it_remembers(stage: Stage) -> None:
    url = stage.host().say(1, summary("Running."))
    assert stage.host().say(1, summary("Done.")) == url
    writes = stage.writes()
    assert stage.host().say(1, summary("Done.") + "\r\n") == url
    assert stage.writes() == writes
    for text in ("It failed.", summary("It failed.", None), summary("It failed.", Memory())):
        assert stage.host().say(1, text) == url
        assert [one.body for one in stage.below()] == [summary("It failed.")]
    forgotten = replace(MEMORY, head="b" * 40)
    stage.host().say(1, summary("Anew.", forgotten))
    assert stage.host().conversation(1).memory == forgotten


def test_of_two_summaries_the_oldest_stays(stage: Stage) -> None:
    for text in ("One.", "Two.", "Three."):
        stage.comment(summary(text), stage.us)
    stage.host().say(1, summary("Done."))
    first, *others = stage.below()
    assert (first.body, others) == (summary("Done."), [])


# ----------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("fault", [*FAULTS, "late"])
@pytest.mark.parametrize("what", ["thread", "note"])
def test_nothing_is_posted_twice(stage: Stage, what: str, fault: str) -> None:
    stage.spoil(what, fault)
    delivery = stage.host().publish(plan(stage, *BOTH))
    assert stage.mend() == 0
    assert [read(one.body) for one in stage.on_lines()] == [Marker("finding", F1), Marker("finding", F2)]
    assert [one.body for one in stage.below()] == [summary()]
    assert (delivery.created, delivery.on_lines) == (2, (F1, F2))
    # Not posted again and taken away: it looks first.
    assert stage.asked("note") == (2 if what == "note" and fault not in DONE else 1)


@pytest.mark.parametrize("fault", FAULTS)
def test_edits_and_deletions_are_tried_again(stage: Stage, fault: str) -> None:
    stage.host().publish(plan(stage, *BOTH))
    one, two = stage.host().conversation(1).comments
    for what in ("edit", "delete"):
        stage.spoil(what, fault)
    stage.host().publish(plan(stage, edit=(Amended(one.key, F1, said(F1, "New.")),), delete=(two.key,)))
    assert stage.mend() == 0
    assert [one.body for one in stage.on_lines()] == [said(F1, "New.")]


@pytest.mark.parametrize("fault", FAULTS)
def test_reads_are_tried_again(stage: Stage, fault: str) -> None:
    stage.spoil("pull", fault)
    assert stage.host().pull(1).head == stage.head
    assert stage.mend() == 0


@pytest.mark.parametrize("what", ["thread", "note", "check"])
def test_a_run_that_broke_off_is_finished_by_the_next(stage: Stage, what: str) -> None:
    stage.spoil("anything", "502", times=10_000, skip=0 if what == "note" else 4)
    error = failing(stage.host().publish, plan(stage, *BOTH, check=FAILED))
    assert error.slug == "forge-server"
    stage.mend()
    stage.host().publish(plan(stage, *BOTH, check=FAILED))
    assert [read(one.body) for one in stage.on_lines()] == [Marker("finding", F1), Marker("finding", F2)]
    assert [one.body for one in stage.below()] == [summary()]
    assert stage.checks() == [("failure", "2 findings")]


@pytest.mark.parametrize(
    ("fault", "slug"),
    [("401", "forge-auth"), ("403", "forge-auth"), ("404", "forge-missing"), ("limited", "forge-limit"),
     ("500", "forge-server"), ("502", "forge-server"), ("503", "forge-server"), ("504", "forge-server"),
     ("closed before", "forge-server"), ("cut", "forge-server"), ("400", "forge-refused"),
     ("422", "forge-refused"),
     ("no json", "forge-garbled"), ("another shape", "forge-garbled")],
)  # fmt: skip
def test_every_failure_has_its_name(stage: Stage, fault: str, slug: str) -> None:
    for do in (lambda host: host.pull(1), lambda host: host.diff(1), lambda host: host.say(1, summary())):
        stage.spoil("anything", fault, times=1_000)
        error = failing(do, stage.host(account=stage.us))
        stage.mend()
        assert error.slug == slug
        assert error.hint
        assert stage.token not in f"{error.message}{error.hint}{error!r}{vars(error)}"
    stage.host().say(1, summary())
    assert len(stage.below()) == 1


def test_what_is_not_there(stage: Stage) -> None:
    assert failing(stage.host().pull, 99).slug == "forge-missing"
    assert (
        failing(stage.host(repository=f"{stage.label.rpartition(':')[0]}x/none").pull, 1).slug == "forge-missing"
    )
    assert failing(stage.host().say, 99, summary()).slug == "forge-missing"


def test_tokens_that_are_not_enough(stage: Stage) -> None:
    for name, (token, slug) in stage.tokens().items():
        host = stage.host(token)
        if slug:
            assert failing(host.pull, 1).slug == slug, name
        else:
            assert host.pull(1).number == 1
            error = failing(host.say, 1, summary())
            assert (error.slug, stage.below()) == ("forge-auth", [])
            assert token not in error.message + error.hint
            assert failing(host.publish, plan(stage, *BOTH)).slug == "forge-auth"
    assert stage.on_lines() == []


def test_the_token_is_nowhere(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    host = stage.host()
    delivery = host.publish(plan(stage, *BOTH, check=FAILED))
    stage.spoil("anything", "500", times=1_000)
    failing(host.pull, 1)
    stage.mend()
    for shown in (caplog.text, stage.sent(), repr(host), repr(host.remote()), str(delivery)):
        assert stage.token not in shown


# ------------------------------------------------------------------------------------------- answers and checks


def test_a_command_is_answered_once(stage: Stage) -> None:
    command = stage.comment("/tryline help", "bob")
    order = Order(Task.HELP, 1, command=command, actor="bob")
    stage.comment(signed("Answered.", Marker("answer", str(command))), "eve")
    for fault in ("lost 502", "closed after", "500"):
        stage.spoil("note", fault)
        for _ in range(2):
            stage.host().answer(order, "Help.")
        stage.mend()
    ours = [one.body for one in stage.below() if one.author == stage.us]
    assert ours == [signed("Help.", Marker("answer", str(command)))]
    stage.host().answer(replace(order, command=0), "Nobody asked.")
    other = replace(order, command=stage.comment("/tryline help", "mia"))
    stage.host().answer(other, "Help.")
    assert len([one for one in stage.below() if one.author == stage.us]) == 2
    assert stage.host().conversation(1).summary is None


@pytest.mark.parametrize("mark", list(Mark))
def test_a_check_tells_how_it_ended(stage: Stage, mark: Mark) -> None:
    check = replace(FAILED, mark=mark)
    for _ in range(2):
        stage.host().check(stage.head, check)
        assert stage.checks() == [(mark.value, "2 findings")]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_answer_doubles_no_check(stage: Stage, fault: str) -> None:
    stage.spoil("check", fault)
    stage.host().check(stage.head, FAILED)
    assert stage.mend() == 0
    assert stage.checks() == [("failure", "2 findings")]


def test_a_check_that_may_not_be_written_is_a_problem_of_a_delivery(stage: Stage) -> None:
    host = stage.host(stage.unchecked())
    delivery = host.publish(plan(stage, *BOTH, check=PASSED))
    assert (delivery.created, stage.checks()) == (2, [])
    assert any("check" in problem for problem in delivery.problems)
    assert failing(host.check, stage.head, PASSED).slug == "forge-auth"
