"""The GitLab host against the double, over HTTP: each thing is said once, to the right lines, by us alone."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from servers.gitlab import Fault, GitLabDouble, Note, SuggestionRefused
from servers.scripted import Time

from bot.domain import FileStatus
from bot.errors import ForgeError, UsageError
from bot.forges import Host
from bot.forges.gitlab import GitLab
from bot.markers import Marker, read, signed
from bot.plan import Amended, CheckRun, Inline, Known, Mark, Memory, Order, Plan, Task

pytestmark = pytest.mark.thorough

PROJECT = "group/sub/hello"
BASE = "".join(f"line_{n} = {n}\n" for n in range(1, 41))
HEAD = BASE.replace("line_10 = 10\n", "line_10 = 0\n").replace("line_30 = 30\n", "line_30 = 0\n")
F1, F2, F3 = "1" * 12, "2" * 12, "3" * 12
MEMORY = Memory(head="a" * 40, functions={"mod.py::f": "d" * 32}, findings=(Known(F1, "mod.py::f", "r", "t"),))

ROOT = "/projects/group%2Fsub%2Fhello"
DRAFTS = f"{ROOT}/merge_requests/1/draft_notes"
PUBLISH = f"{DRAFTS}/bulk_publish"
THREADS = f"{ROOT}/merge_requests/1/discussions"
NOTES = f"{ROOT}/merge_requests/1/notes"
STATUSES = f"{ROOT}/statuses/*"


@dataclass
class Watch(Time):
    """A clock that only sleeping moves; `hook` is called with each sleep."""

    hook: Callable[[float], None] = lambda seconds: None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.hook(seconds)


@dataclass
class World:
    """A merge request on the double, and hosts that look at it."""

    double: GitLabDouble
    token: str
    watch: Watch = field(default_factory=Watch)
    number: int = 1

    def host(self, token: str = "", **more: Any) -> GitLab:
        arguments: dict[str, Any] = {
            "token": token or self.token,
            "repository": PROJECT,
            "api_url": self.double.api_url,
            "server_url": self.double.url,
            "environ": {},
            "clock": self.watch.clock,
            "sleep": self.watch.sleep,
            "timeout": 2,
        }
        return GitLab(**(arguments | more))

    @property
    def head(self) -> str:
        return self.double.merge_request(PROJECT, self.number).head

    def said(self) -> list[Note]:
        return self.double.said(PROJECT, self.number)

    def on_lines(self) -> list[Note]:
        return [note for note in self.said() if note.kind == "DiffNote"]

    def below(self) -> list[Note]:
        return [note for note in self.said() if note.kind is None]

    def operations(self) -> list[str]:
        return [exchange.operation for exchange in self.double.writes()]

    def plan(self, *create: Inline, **more: Any) -> Plan:
        fields: dict[str, Any] = {
            "number": self.number,
            "head": self.head,
            "summary": summary("What was found."),
            "summary_if_refused": summary("What was found, in full."),
            "create": create,
        }
        return Plan(**(fields | more))


def summary(text: str, memory: Memory | None = MEMORY) -> str:
    return signed(text, Marker("summary", memory=memory))


def said(finding: str, text: str = "It fails.", *, withdrawn: bool = False) -> str:
    return signed(text, Marker("finding", finding, withdrawn))


def inline(finding: str, line: int = 10, start: int | None = None, path: str = "mod.py", text: str = "") -> Inline:
    return Inline(finding, path, line, start, said(finding, text or "It fails."))


BOTH = (inline(F1), inline(F2, 31, 29))


@pytest.fixture
def world() -> Iterator[World]:
    """A merge request that changes two places of a file; the test ends with a look at the contract."""
    with GitLabDouble() as double:
        double.project(
            PROJECT,
            {"mod.py": BASE, "old.py": BASE + "# moved\n", "gone.py": "x = 1\n", "data.bin": b"\x00\x01"},
            members={"bob": "developer", "mia": "maintainer", "rae": "reporter"},
        )
        double.push(PROJECT, "feature", {"mod.py": HEAD})
        double.open_merge_request(PROJECT, "feature")
        yield World(double, double.project_token(PROJECT))
        double.check()


# ------------------------------------------------------------------------------------------------ one delivery


def test_a_plan_becomes_threads_with_one_notification_and_one_summary(world: World) -> None:
    host: Host = world.host()
    delivery = host.publish(world.plan(*BOTH))
    one, two = world.on_lines()
    assert one.position is not None
    assert (one.position["new_line"], one.position["old_line"], one.body) == (10, None, said(F1))
    assert two.position is not None
    assert (two.position["new_line"], two.position["old_line"], two.body) == (31, 31, said(F2))
    assert two.position["line_range"]["start"]["line_code"].endswith("_29_29")
    (below,) = world.below()
    assert below.body == summary("What was found.")
    assert [len(mail.notes) for mail in world.double.mails] == [2, 1]
    assert (delivery.created, delivery.edited, delivery.deleted, delivery.kept) == (2, 0, 0, 0)
    assert (delivery.on_lines, delivery.problems) == ((F1, F2), ())
    assert delivery.summary == f"{world.double.url}/{PROJECT}/-/merge_requests/1#note_{below.id}"
    assert world.double.drafts == {}
    assert not any("approv" in exchange.path for exchange in world.double.exchanges)


def test_doing_it_again_posts_nothing(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    before = len(world.double.writes())
    again = world.host().publish(world.plan(*BOTH))
    assert (again.created, again.kept, again.on_lines) == (0, 2, (F1, F2))
    assert len(world.double.writes()) == before


def test_what_was_said_is_read_again(world: World) -> None:
    assert world.host().conversation(1).comments == ()
    world.host().publish(world.plan(*BOTH))
    found = world.host().conversation(1)
    assert found.memory == MEMORY
    assert found.summary is not None
    assert found.summary.body == summary("What was found.")
    one, two = found.comments
    assert (one.finding, one.path, one.line, one.start_line) == (F1, "mod.py", 10, None)
    assert (two.finding, two.line, two.start_line, two.withdrawn, two.answered) == (F2, 31, 29, False, False)


def test_comments_follow_their_lines_and_go_out_of_date(world: World) -> None:
    world.host().publish(world.plan(inline(F1), inline(F2, 31, 29), inline(F3, 12, 9)))
    changed = "new = 1\n" + HEAD.replace("line_31 = 31\n", "line_31 = 1\n")
    world.double.push(PROJECT, "feature", {"mod.py": changed})
    one, two, three = world.host().conversation(1).comments
    assert (one.line, one.start_line) == (11, None)
    assert (two.line, two.start_line) == (None, None)
    assert (three.line, three.start_line) == (13, 10)
    again = world.host().publish(world.plan(inline(F2, 32, 30), delete=(two.key,), kept=(F1, F3)))
    assert (again.created, again.deleted, again.kept) == (1, 1, 2)
    assert set(again.on_lines) == {F1, F2, F3}
    assert len(world.on_lines()) == 3


def test_lines_of_every_kind_bear_a_comment(world: World) -> None:
    """Added, unchanged, not shown, of a new file, of one that was moved: the double refuses what GitLab does."""
    moved = BASE.replace("line_5 = 5\n", "line_5 = 0\n") + "# moved\n"
    files = {"new.py": "a = 1\nb = 2\n", "old.py": None, "sub/moved.py": moved, "gone.py": None}
    world.double.push(PROJECT, "feature", files)
    plan = world.plan(
        inline("a1", 10),
        inline("a2", 9),
        inline("a3", 20),
        inline("a4", 2, 1, "new.py"),
        inline("a5", 5, None, "sub/moved.py"),
        inline("a6", 7, 4, "sub/moved.py"),
    )
    delivery = world.host().publish(plan)
    assert (delivery.created, delivery.problems) == (6, ())
    assert len(world.double.mails) == 2
    places = {read(note.body).id: note.position for note in world.on_lines()}  # type: ignore[union-attr]
    assert places["a4"]["old_line"] is None
    assert (places["a5"]["old_path"], places["a5"]["new_path"]) == ("old.py", "sub/moved.py")
    found = world.host().diff(1)
    assert {(file.path, file.old_path, file.status) for file in found} == {
        ("mod.py", "mod.py", FileStatus.MODIFIED),
        ("new.py", None, FileStatus.ADDED),
        ("sub/moved.py", "old.py", FileStatus.RENAMED),
        ("gone.py", "gone.py", FileStatus.DELETED),
    }


@pytest.mark.parametrize(
    "wrong", [inline(F2, 10, None, "other.py"), inline(F2, 400), inline(F2, 3, None, "data.bin")]
)
def test_a_comment_on_a_line_that_is_none_goes_into_the_summary(world: World, wrong: Inline) -> None:
    world.watch.hook = lambda seconds: None
    delivery = world.host().publish(world.plan(inline(F1), wrong))
    assert [read(note.body) for note in world.on_lines()] == [Marker("finding", F1)]
    (below,) = world.below()
    assert below.body == summary("What was found, in full.")
    assert (delivery.created, delivery.on_lines) == (1, (F1,))
    assert "in the summary" in delivery.problems[-1]
    assert world.double.drafts == {}
    assert not {2.0, 5.0} & set(world.watch.slept)  # GitLab has said that it knows no such line


def test_a_range_that_is_refused_becomes_its_last_line_and_stays_there(world: World) -> None:
    refusal = {"message": '400 Bad request - Note {:line_code=>["can\'t be blank", "must be a valid line code"]}'}
    world.double.inject(Fault.answer(400, refusal), "POST", DRAFTS)
    delivery = world.host().publish(world.plan(inline(F2, 31, 29)))
    (note,) = world.on_lines()
    assert note.position is not None
    assert (note.position["new_line"], note.position.get("line_range")) == (31, None)
    assert (delivery.created, delivery.problems) == (1, ())
    before = len(world.double.writes())
    again = world.host().publish(world.plan(inline(F2, 31, 29)))
    assert (again.created, again.kept, len(world.double.writes())) == (0, 1, before)


# ------------------------------------------------------------------------------------------ edits and withdrawals


def test_a_comment_is_amended_and_withdrawn_and_its_thread_resolved(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    one, two = world.host().conversation(1).comments
    gone = said(F1, "Gone.", withdrawn=True)
    plan = world.plan(edit=(Amended(one.key, F1, gone, True), Amended(two.key, F2, said(F2, "Still."))))
    delivery = world.host().publish(plan)
    assert (delivery.edited, delivery.on_lines, delivery.problems) == (2, (F2,), ())
    assert [(note.body, note.resolved is not None) for note in world.on_lines()] == [
        (gone, True),
        (said(F2, "Still."), False),
    ]
    assert world.host().conversation(1).comments[0].withdrawn
    before = len(world.double.writes())
    world.host().publish(plan)
    assert len(world.double.writes()) == before
    # It holds again: what we resolved ourselves is open again.
    back = world.plan(edit=(Amended(one.key, F1, said(F1)),))
    assert world.host().publish(back).problems == ()
    assert [note.resolved for note in world.on_lines()] == [None, None]


def test_what_a_person_has_resolved_stays_resolved(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    one, _ = world.host().conversation(1).comments
    world.double.resolve_thread(one.key, "bob")
    world.host().publish(world.plan(edit=(Amended(one.key, F1, said(F1, "Still.")),)))
    note = world.double.notes[one.key]
    assert (note.body, note.resolved_by) == (said(F1, "Still."), world.double.account("bob"))
    assert not world.host().conversation(1).comments[0].answered


def test_a_thread_that_cannot_be_resolved_is_counted_as_such(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    one, _ = world.host().conversation(1).comments
    world.double.inject(Fault.answer(403), "PUT", f"{THREADS}/*")
    gone = said(F1, "Gone.", withdrawn=True)
    delivery = world.host().publish(world.plan(edit=(Amended(one.key, F1, gone, True),)))
    assert delivery.edited == 1
    assert world.double.notes[one.key].body == gone
    assert F1 in delivery.problems[0]
    assert "403" in delivery.problems[0]


def test_what_was_deleted_meanwhile_is_a_problem_and_no_error(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    one, two = world.host().conversation(1).comments
    world.double.delete_note(one.key)
    plan = world.plan(edit=(Amended(one.key, F1, said(F1, "New.")),), delete=(one.key, two.key))
    delivery = world.host().publish(plan)
    assert (delivery.edited, delivery.deleted) == (0, 1)
    assert len(delivery.problems) == 1
    assert F1 in delivery.problems[0]


def test_what_somebody_has_answered_stays(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    one, two = world.host().conversation(1).comments
    world.double.reply(one.key, "No.", author="bob")
    (ours,) = [name for name in world.double.accounts if name.startswith("project_")]
    world.double.reply(two.key, "A note of ours.", author=ours)
    one, two = world.host().conversation(1).comments
    assert (one.answered, two.answered) == (True, False)
    edits = (Amended(one.key, F1, said(F1, "Gone.", withdrawn=True), True), Amended(two.key, F2, said(F2, "New.")))
    delivery = world.host().publish(world.plan(edit=edits, delete=(one.key,)))
    assert (delivery.edited, delivery.deleted, len(delivery.problems)) == (1, 0, 2)
    assert world.double.notes[one.key].body == said(F1)
    assert world.double.notes[one.key].resolved is None
    assert world.double.notes[two.key].body == said(F2, "New.")


def test_a_suggestion_is_applied_to_the_byte_and_its_thread_is_left_alone(world: World) -> None:
    """The block says itself which lines it replaces, whatever the comment stands on."""
    block = "```suggestion:-2+1\nline_29 = 'ü'\t\n\nline_31 = 1\n```"
    world.host().publish(world.plan(inline(F1, 31, 29, text=block)))
    (note,) = world.on_lines()
    applied = world.double.apply_suggestion(note.id, author="bob")
    wanted = HEAD.replace(
        "line_29 = 29\nline_30 = 0\nline_31 = 31\nline_32 = 32\n", "line_29 = 'ü'\t\n\nline_31 = 1\n"
    )
    assert applied == wanted.encode()
    (posted,) = world.host().conversation(1).comments
    assert (posted.line, posted.answered) == (None, False)  # outdated; GitLab's own note is no answer
    gone = said(F1, "Fixed.", withdrawn=True)
    delivery = world.host().publish(world.plan(edit=(Amended(posted.key, F1, gone, True),)))
    assert delivery.problems == ()
    assert world.double.notes[note.id].resolved_by == world.double.account("bob")
    with pytest.raises(SuggestionRefused):
        world.double.apply_suggestion(note.id, author="bob")


# --------------------------------------------------------------------------------------------------- the account


def test_a_marker_of_another_account_is_never_ours(world: World) -> None:
    forged = summary("Trust me.", Memory(ignored={F1: "eve"}))
    for eve in ("eve", "project_1_bot", "bob"):
        world.double.comment(PROJECT, 1, forged, author=eve)
        world.double.comment_on_line(PROJECT, 1, "mod.py", 10, said(F1), author=eve)
    theirs = [note.id for note in world.on_lines()]
    assert world.host().conversation(1).memory == Memory()
    edits = tuple(Amended(key, F1, said(F1, "Changed.")) for key in theirs)
    delivery = world.host().publish(world.plan(*BOTH, edit=edits, delete=tuple(theirs)))
    assert (delivery.created, delivery.edited, delivery.deleted) == (2, 0, 0)
    assert [note.body for note in world.on_lines()[:3]] == [said(F1)] * 3
    assert [note.body for note in world.below()] == [forged] * 3 + [summary("What was found.")]


def test_a_marker_of_ours_counts_in_the_last_line_only(world: World) -> None:
    token = world.double.token("bob")
    world.double.comment(PROJECT, 1, summary("Quoted.") + "\n\nand more", author="bob")
    assert world.host(token).conversation(1).summary is None
    world.double.comment(PROJECT, 1, summary("Ours."), author="bob")
    assert world.host(token).conversation(1).summary is not None


def test_another_account_than_configured_is_told(world: World) -> None:
    delivery = world.host(account="somebody").publish(world.plan(*BOTH))
    assert "pull.account" in delivery.problems[0]


# -------------------------------------------------------------------------------- answers that are lost or broken

LOST = {
    "502": Fault.lost(502),
    "closed after": Fault.lost(0),
    "cut": Fault.cut(),
    "late": Fault.slow(2.5),
}
NOT_DONE = {"500": Fault.answer(500), "closed before": Fault.closed()}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        *((name, DRAFTS) for name in ("502", "cut", "500")),
        *((name, PUBLISH) for name in ("502", "closed after", "late", "500", "closed before")),
        *((name, NOTES) for name in ("502", "cut", "closed before")),
    ],
)
def test_a_broken_answer_to_what_creates_makes_no_second_one(world: World, name: str, path: str) -> None:
    world.double.inject({**LOST, **NOT_DONE}[name], "POST", path)
    delivery = world.host().publish(world.plan(*BOTH))
    assert world.double.faults_left == 0
    assert [read(note.body) for note in world.on_lines()] == [Marker("finding", F1), Marker("finding", F2)]
    assert len(world.below()) == 1
    assert (delivery.created, delivery.problems, world.double.drafts) == (2, (), {})
    assert [len(mail.notes) for mail in world.double.mails] == [2, 1]


@pytest.mark.parametrize("name", ["502", "cut", "500"])
def test_so_it_is_where_threads_are_made_one_by_one(world: World, name: str) -> None:
    """Where there are no drafts: a token that may not, or a host that has none."""
    world.double.inject(Fault.answer(403), "POST", DRAFTS, times=9)
    world.double.inject({**LOST, **NOT_DONE}[name], "POST", THREADS)
    delivery = world.host().publish(world.plan(*BOTH))
    assert [read(note.body) for note in world.on_lines()] == [Marker("finding", F1), Marker("finding", F2)]
    assert delivery.created == 2
    assert "each notifies by itself" in delivery.problems[0]


def test_a_push_while_an_answer_is_lost_makes_no_second_thread(world: World) -> None:
    world.double.inject(Fault.answer(404), "*", DRAFTS, times=9)
    world.double.inject(Fault.lost(502), "POST", THREADS)
    done: list[str] = []

    def pushing(seconds: float) -> None:
        if not done:
            done.append(world.double.push(PROJECT, "feature", {"mod.py": "new = 1\n" + HEAD}))

    plan = world.plan(inline(F1))
    world.watch.hook = pushing
    assert world.host().publish(plan).created == 1
    assert done
    assert len(world.on_lines()) == 1


def test_the_same_words_in_an_outdated_thread_are_not_taken_for_new_ones(world: World) -> None:
    world.host().publish(world.plan(inline(F1)))
    world.double.push(PROJECT, "feature", {"mod.py": "new = 1\n" + HEAD.replace("line_10 = 0", "line_10 = 1")})
    world.double.inject(Fault.answer(403), "POST", DRAFTS, times=9)
    world.double.inject(Fault.answer(500), "POST", THREADS)
    assert world.host().publish(world.plan(inline(F1, 11))).created == 1
    assert len(world.on_lines()) == 2


def test_what_is_shown_late_is_not_posted_again(world: World) -> None:
    """GitLab has published, and the next look is answered by a replica that does not know it yet."""
    world.double.inject(Fault.answer(200, []), "GET", THREADS, skip=1)
    delivery = world.host().publish(world.plan(*BOTH))
    assert (delivery.created, delivery.problems) == (2, ())
    assert world.double.asked("discussions/create") == []
    assert len(world.on_lines()) == 2


@pytest.mark.parametrize("drafts", [True, False])
def test_a_push_between_the_plan_and_its_delivery_makes_no_second_thread(world: World, drafts: bool) -> None:
    """GitLab moves what is made for an older version to the newest one at once."""
    plan = world.plan(*BOTH)
    world.double.push(PROJECT, "feature", {"mod.py": "new = 1\n" + HEAD})
    if not drafts:
        world.double.inject(Fault.answer(403), "POST", DRAFTS, times=9)
        world.double.inject(Fault.lost(502), "POST", THREADS)
    delivery = world.host().publish(plan)
    assert delivery.created == 2
    assert len(world.on_lines()) == 2
    assert not {2.0, 5.0} & set(world.watch.slept) or not drafts


def test_drafts_that_cannot_be_published_become_threads_and_none_is_left(world: World) -> None:
    world.double.inject(Fault.answer(500), "POST", PUBLISH, times=99)
    delivery = world.host().publish(world.plan(*BOTH))
    assert (delivery.created, len(world.on_lines()), world.double.drafts) == (2, 2, {})
    assert len(world.double.asked("draft_notes/bulk_publish")) == 3
    assert "each notifies by itself" in delivery.problems[0]


def test_what_an_earlier_run_left_as_a_draft_is_taken_away(world: World) -> None:
    world.double.inject(Fault.answer(401), "POST", PUBLISH)
    world.double.inject(Fault.answer(401), "GET", THREADS, skip=1, times=9)
    with pytest.raises(ForgeError):
        world.host().publish(world.plan(*BOTH))
    assert len(world.double.drafts) == 2
    world.double.drop_faults()
    assert world.host().publish(world.plan(inline(F1))).created == 1
    assert (len(world.on_lines()), world.double.drafts) == (1, {})


def test_a_persons_own_drafts_are_not_published(world: World) -> None:
    """The token may be a person's, who is in the middle of a review."""
    token = world.double.token("bob")
    host = world.host(token)
    own = {"note": "I am not sure yet."}
    host._client.write(host._writing("draft", "POST", "/merge_requests/1/draft_notes", own, again=False), object)
    delivery = host.publish(world.plan(*BOTH))
    assert len(world.on_lines()) == 2
    assert [draft.note for draft in world.double.drafts.values()] == ["I am not sure yet."]
    assert "one by one" in delivery.problems[0]


def test_a_server_that_stays_down_ends_it_and_a_second_run_finishes_it(world: World) -> None:
    world.double.inject(Fault.answer(502), "POST", NOTES, times=100)
    with pytest.raises(ForgeError) as caught:
        world.host().publish(world.plan(*BOTH))
    assert (caught.value.slug, caught.value.sent) == ("forge-server", True)
    assert len(world.double.asked("notes/create")) == 3
    world.double.drop_faults()
    world.host().publish(world.plan(*BOTH))
    assert (len(world.on_lines()), len(world.below())) == (2, 1)


def test_where_it_cannot_look_it_does_not_post_again(world: World) -> None:
    world.double.inject(Fault.lost(502), "POST", NOTES)
    world.double.inject(Fault.answer(500), "GET", THREADS, times=100, skip=1)
    with pytest.raises(ForgeError) as caught:
        world.host().say(1, summary("x"))
    assert caught.value.sent
    world.double.drop_faults()
    assert len(world.below()) == 1


def test_two_runs_at_once_leave_one_of_each(world: World) -> None:
    done: list[int] = []
    world.double.inject(Fault.limited(3), "POST", DRAFTS)

    def between(seconds: float) -> None:
        if seconds == 3 and not done:
            done.append(world.host(sleep=lambda seconds: None).publish(world.plan(*BOTH)).created)

    world.watch.hook = between
    world.host().publish(world.plan(*BOTH))
    assert done == [2]
    assert (len(world.on_lines()), len(world.below())) == (2, 1)


# ------------------------------------------------------------------------------------------------- the summary


def test_the_summary_is_one_and_keeps_its_memory(world: World) -> None:
    host = world.host()
    first = host.say(1, summary("One."))
    assert host.say(1, summary("One.")) == first
    assert len(world.double.writes()) == 1
    host.say(1, "Two.")
    host.say(1, summary("Three.", Memory()))
    (below,) = world.below()
    assert below.body == summary("Three.", MEMORY)
    assert len(world.double.mails) == 1


def test_of_two_summaries_the_oldest_stays(world: World) -> None:
    (bot,) = [name for name in world.double.accounts if name.startswith("project_")]
    one, _ = (world.double.comment(PROJECT, 1, summary(text), author=bot) for text in ("One.", "Two."))
    world.host().say(1, summary("New."))
    assert [(note.id, note.body) for note in world.below()] == [(one, summary("New."))]


def test_many_comments_are_read_to_the_end(world: World) -> None:
    for number in range(120):
        world.double.comment(PROJECT, 1, f"Note {number}.", author="bob")
    world.host().publish(world.plan(*BOTH))
    found = world.host().conversation(1)
    assert found.summary is not None
    assert len(found.comments) == 2


# ---------------------------------------------------------------------------------------------------- the check

GREEN, RED, GREY = (CheckRun(mark, f"Tryline: {mark}", "") for mark in (Mark.SUCCESS, Mark.FAILURE, Mark.NEUTRAL))


@pytest.mark.parametrize(("check", "state"), [(GREEN, "success"), (RED, "failed"), (GREY, "skipped")])
def test_a_check_is_a_status_of_the_commit(world: World, check: CheckRun, state: str) -> None:
    host = world.host(run_url="https://gitlab.example/jobs/1")
    for _ in range(2):
        host.check(world.head, check)
    (status,) = world.double.statuses
    assert (status.name, status.state, status.description) == ("Tryline", state, check.title)
    assert (status.sha, status.target) == (world.head, "https://gitlab.example/jobs/1")


def test_a_status_that_changes_its_mind_is_written_again(world: World) -> None:
    for check in (RED, GREEN, RED):
        world.host().check(world.head, check)
    assert [status.state for status in world.double.statuses] == ["failed", "success", "failed"]


def test_where_gitlab_knows_no_skipped_neutral_is_still_not_green(world: World) -> None:
    world.double.knows_no_skipped = True
    world.host().check(world.head, GREY)
    assert [status.state for status in world.double.statuses] == ["canceled"]


def test_a_status_belongs_to_the_pipeline_of_the_job(world: World) -> None:
    world.host(environ={"CI_COMMIT_SHA": world.head, "CI_PIPELINE_ID": "77"}).check(world.head, GREEN)
    world.host(environ={"CI_COMMIT_SHA": "f" * 40, "CI_PIPELINE_ID": "78"}).check(world.head, RED)
    assert [exchange.params.get("pipeline_id") for exchange in world.double.asked("statuses/create")] == [77, None]


@pytest.mark.parametrize("name", ["502", "cut", "500"])
def test_a_broken_answer_to_a_status_makes_no_second_one(world: World, name: str) -> None:
    world.double.inject({**LOST, **NOT_DONE}[name], "POST", STATUSES)
    world.host().check(world.head, GREEN)
    assert len(world.double.statuses) == 1


def test_a_check_that_may_not_be_written_is_a_problem_and_no_error(world: World) -> None:
    world.double.inject(Fault.answer(403), "POST", STATUSES)
    delivery = world.host().publish(world.plan(*BOTH, check=GREEN))
    assert "The check was not written" in delivery.problems[0]
    assert delivery.created == 2


# --------------------------------------------------------------------------------------------- the merge request


def test_the_merge_request_as_it_is_now(world: World) -> None:
    pull = world.host().pull(1)
    refs = world.double.merge_request(PROJECT, 1).refs
    assert (pull.repository, pull.number, pull.head, pull.base, pull.base_ref) == (
        PROJECT,
        1,
        refs.head,
        refs.start,
        "main",
    )
    assert (pull.head_label, pull.fork, pull.draft, pull.open) == (f"{PROJECT}:feature", False, False, True)
    assert (pull.author, pull.bot) == ("alice", False)
    newer = world.double.push(PROJECT, "feature", {"mod.py": HEAD + "more = 1\n"})
    assert world.host().pull(1).head == newer
    bot = next(name for name in world.double.accounts if name.startswith("project_"))
    world.double.push(PROJECT, "other", {"mod.py": "x = 1\n"})
    number = world.double.open_merge_request(PROJECT, "other", author=bot, draft=True)
    other = world.host().pull(number)
    assert (other.bot, other.draft) == (True, True)
    world.double.close(PROJECT, number)
    assert not world.host().pull(number).open


@pytest.mark.parametrize("lacking", ["base_commit_sha", "head_commit_sha"])
def test_what_gitlab_cannot_compare_is_told(world: World, lacking: str) -> None:
    """A merge request without commits, or of branches that have none in common."""
    shas = {f"{name}_commit_sha": "a" * 40 for name in ("base", "start", "head")}
    world.double.inject(Fault.answer(200, [{"id": 1, **shas, lacking: None}]), "GET", "*/versions")
    if lacking == "base_commit_sha":
        with pytest.raises(ForgeError, match="compared its branches"):
            world.host().pull(1)
    else:
        assert world.host().pull(1).head == world.head


def test_a_fork_is_one(world: World) -> None:
    world.double.fork(PROJECT, "eve/hello", "eve")
    head = world.double.push("eve/hello", "evil", {"mod.py": HEAD.replace("0", "9")}, author="eve")
    number = world.double.open_merge_request(PROJECT, "eve/hello:evil", author="eve")
    pull = world.host().pull(number)
    assert (pull.fork, pull.head, pull.author) == (True, head, "eve")
    # The fork may be private: then its number stands for its path.
    owner = pull.head_label.removesuffix(":evil")
    assert owner in {"eve/hello", str(world.double.projects["eve/hello"].id)}
    assert world.host().pull_of(f"{PROJECT}:evil", head) is None
    world.double.projects["eve/hello"].visibility = "public"
    assert world.host().pull(number).head_label == "eve/hello:evil"
    found = world.host().pull_of("eve/hello:evil", head)
    assert found is not None
    assert found.number == number
    world.double.delete_project("eve/hello")
    assert world.host().pull(number).fork


def test_a_merge_request_is_found_by_its_branch_and_commit(world: World) -> None:
    host = world.host()
    found = host.pull_of(f"{PROJECT}:feature", world.head)
    assert found == host.pull(1)
    for label, commit in (
        (f"{PROJECT}:feature", "c" * 40),
        (f"{PROJECT}:main", world.head),
        ("feature", world.head),
    ):
        assert host.pull_of(label, commit) is None
    world.double.close(PROJECT, 1)
    assert host.pull_of(f"{PROJECT}:feature", world.head) is None


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        ("alice", True),
        ("mia", True),
        ("Bob", True),
        ("rae", False),
        ("nobody", False),
        ("", False),
        ("a/b", False),
    ],
)
def test_who_may_command(world: World, actor: str, may: bool) -> None:
    world.double.account("nobody")
    assert world.host().may_command(actor) is may


def test_where_it_cannot_be_found_out_nobody_may(world: World) -> None:
    world.double.inject(Fault.answer(500), "GET", f"{ROOT}/members/*", times=9)
    assert not world.host().may_command("bob")
    assert not world.host(world.double.token("eve")).may_command("bob")


def test_an_answer_is_given_in_its_thread_and_once(world: World) -> None:
    asked = world.double.comment(PROJECT, 1, "/tryline help", author="bob")
    order = Order(Task.HELP, 1, command=asked, actor="bob")
    world.double.inject(Fault.lost(502), "POST", f"{THREADS}/*/notes")
    for _ in range(2):
        world.host().answer(order, "This is how.")
    question, reply = world.said()
    assert (reply.discussion, reply.body) == (
        question.discussion,
        signed("This is how.", Marker("answer", str(asked))),
    )
    assert len(world.double.mails) == 1
    world.host().answer(replace(order, command=0), "x")
    world.host().answer(replace(order, command=999_999), "x")
    assert len(world.said()) == 2


# ------------------------------------------------------------------------------------------- tokens and addresses


def test_a_jobs_token_reads_what_it_may_and_writes_nothing(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    token = world.double.job_token(PROJECT)
    host = world.host(token, environ={"CI_JOB_TOKEN": token})
    refs = world.double.merge_request(PROJECT, 1).refs
    pull = host.pull(1)
    assert (pull.head, pull.base) == (refs.head, refs.start)
    # Nobody says who we are, so nothing there is ours, until a name is configured.
    assert host.conversation(1).summary is None
    (bot,) = [name for name in world.double.accounts if name.startswith("project_")]
    known = world.host(token, environ={"CI_JOB_TOKEN": token}, account=bot).conversation(1)
    assert known.memory == MEMORY
    assert [posted.finding for posted in known.comments] == [F1, F2]
    before = len(world.double.said(PROJECT, 1))
    for write in (lambda: host.say(1, "x"), lambda: host.check(world.head, GREEN)):
        with pytest.raises(ForgeError) as caught:
            write()
        assert caught.value.slug == "forge-auth"
        assert "GITLAB_TOKEN" in caught.value.hint
    assert len(world.double.said(PROJECT, 1)) == before


@pytest.mark.parametrize(
    ("token", "slug"),
    [
        ("glpat-unknown", "forge-auth"),
        ("revoked", "forge-auth"),
        ("read_api", "forge-auth"),
        ("stranger", "forge-missing"),
    ],
)
def test_what_a_token_lacks_is_told(world: World, token: str, slug: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = {
        "revoked": lambda: world.double.token("bob", state="revoked"),
        "read_api": lambda: world.double.token("bob", scopes=("read_api",)),
        "stranger": lambda: world.double.token("eve"),
    }
    value = made[token]() if token in made else token
    with pytest.raises(ForgeError) as caught:
        world.host(value).say(1, "x")
    assert caught.value.slug == slug
    assert value not in f"{caught.value} {caught.value.hint} {caplog.text}"


@pytest.mark.parametrize("repository", ["", "hello", "../x/y", "a/..", "a//b", "a/b/", "a b/c", "a/b?c=d"])
def test_what_is_no_project_is_refused(repository: str) -> None:
    with pytest.raises(UsageError, match="whole path"):
        GitLab(token="x", repository=repository, environ={})


def test_a_host_of_ones_own_below_a_path_with_an_authority_of_its_own() -> None:
    with GitLabDouble(prefix="/gitlab", tls=True) as double:
        double.project(PROJECT, {"mod.py": BASE})
        double.push(PROJECT, "feature", {"mod.py": HEAD})
        double.open_merge_request(PROJECT, "feature")
        world = World(double, double.project_token(PROJECT))
        with pytest.raises(ForgeError, match="certificate"):
            world.host().pull(1)
        for name in ("CI_SERVER_TLS_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            host = world.host(environ={name: str(double.ca)})
            assert host.pull(1).number == 1
        delivery = host.publish(world.plan(*BOTH))
        assert delivery.created == 2
        assert delivery.summary.startswith(f"{double.url}/{PROJECT}/-/merge_requests/1#note_")
        double.check()


@pytest.mark.parametrize("kind", ["project", "job"])
def test_git_finds_the_repository_and_the_token_is_in_no_address(world: World, kind: str) -> None:
    token = world.double.job_token(PROJECT) if kind == "job" else world.token
    remote = world.host(token).remote()
    assert remote.url == world.double.clone_url(PROJECT)
    assert token not in f"{remote.url}{remote!r}"
    done = subprocess.run(
        [
            "git",
            "-c",
            f"http.extraHeader=Authorization: {remote.header}",
            "ls-remote",
            remote.url,
            "refs/heads/feature",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_TERMINAL_PROMPT": "0"},
    )
    assert done.stdout.split()[0] == world.head


def test_gitlab_takes_no_sarif(world: World) -> None:
    world.host().upload_sarif(world.head, "refs/heads/feature", "{}")
    assert world.double.exchanges == []
