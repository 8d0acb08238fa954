"""The GitHub host against the double, over HTTP: each thing is said once, to the right lines, by us alone."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from servers.github import ACTIONS, Fault, GitHubDouble, IssueComment, Review, ReviewComment

from bot.errors import ForgeError, UsageError
from bot.forges import Host
from bot.forges.github import GitHub
from bot.forges.github.host import REFUSED
from bot.markers import Marker, read, signed
from bot.plan import (
    Amended,
    Annotation,
    CheckRun,
    Delivery,
    Inline,
    Known,
    Level,
    Mark,
    Memory,
    Order,
    Plan,
    Task,
)

pytestmark = pytest.mark.thorough

REPOSITORY = "octo/hello"
BASE = "".join(f"line_{n} = {n}\n" for n in range(1, 41))
HEAD = BASE.replace("line_10 = 10\n", "line_10 = 0\n").replace("line_30 = 30\n", "line_30 = 0\n")
F1, F2, F3 = "1" * 12, "2" * 12, "3" * 12
MEMORY = Memory(head="a" * 40, functions={"mod.py::f": "d" * 32}, findings=(Known(F1, "mod.py::f", "r", "t"),))

REVIEWS = "/repos/octo/hello/pulls/1/reviews"
ISSUE = "/repos/octo/hello/issues/1/comments"


@dataclass
class Time:
    """A clock that only sleeping moves; `hook` is called with each sleep."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)
    hook: Callable[[float], None] = lambda seconds: None

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.hook(seconds)


@dataclass
class World:
    """A pull request on the double, and hosts that look at it."""

    double: GitHubDouble
    token: str
    watch: Time = field(default_factory=Time)
    number: int = 1

    def host(self, token: str = "", **more: Any) -> GitHub:
        arguments: dict[str, Any] = {
            "token": token or self.token,
            "repository": REPOSITORY,
            "api_url": self.double.url,
            "server_url": self.double.url,
            "environ": {},
            "clock": self.watch.clock,
            "sleep": self.watch.sleep,
            "timeout": 2,
        }
        return GitHub(**(arguments | more))

    @property
    def head(self) -> str:
        return self.double.pull(REPOSITORY, self.number).head

    def on_lines(self) -> list[ReviewComment]:
        return self.double.comments_on(self.double.pull(REPOSITORY, self.number))

    def below(self) -> list[IssueComment]:
        return self.double.issue_comments_on(self.double.pull(REPOSITORY, self.number))

    def reviews(self) -> list[Review]:
        return self.double.reviews_on(self.double.pull(REPOSITORY, self.number))

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


def inline(finding: str, line: int = 10, start: int | None = None, path: str = "mod.py") -> Inline:
    return Inline(finding, path, line, start, said(finding))


BOTH = (inline(F1), inline(F2, 31, 29))


@pytest.fixture
def world() -> Iterator[World]:
    """A pull request that changes two places of a file; the test ends with a look at the contract."""
    with GitHubDouble() as double:
        double.repository(
            REPOSITORY,
            {"mod.py": BASE, "old.py": BASE + "# moved\n", "data.bin": b"\x00\x01"},
            collaborators={"bob": "write", "mia": "maintain", "tom": "triage", "rae": "read"},
        )
        double.push(REPOSITORY, "feature", {"mod.py": HEAD})
        double.open_pull(REPOSITORY, "feature")
        yield World(double, double.actions_token(REPOSITORY))
        double.check()


# ------------------------------------------------------------------------------------------------ one delivery


def test_it_is_a_host(world: World) -> None:
    host: Host = world.host()
    assert host.name == "github"


def test_a_plan_becomes_one_review_and_one_summary(world: World) -> None:
    delivery = world.host().publish(world.plan(*BOTH))
    (review,) = world.reviews()
    assert (review.state, review.body, review.commit) == ("COMMENTED", "", world.head)
    one, two = world.on_lines()
    assert (one.path, one.side, one.line, one.start_line, one.body) == ("mod.py", "RIGHT", 10, None, said(F1))
    assert (two.line, two.start_line, two.body) == (31, 29, said(F2))
    (below,) = world.below()
    assert below.body == summary("What was found.")
    assert (delivery.created, delivery.edited, delivery.deleted, delivery.kept) == (2, 0, 0, 0)
    assert delivery.on_lines == (F1, F2)
    assert delivery.problems == ()
    assert delivery.summary == f"{world.double.url}/{REPOSITORY}/pull/1#issuecomment-{below.id}"
    operations = [exchange.operation for exchange in world.double.writes()]
    assert operations == ["pulls/create-review", "issues/create-comment"]


def test_doing_it_again_posts_nothing(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    before = len(world.double.writes())
    again = world.host().publish(world.plan(*BOTH))
    assert (again.created, again.kept, again.on_lines) == (0, 2, (F1, F2))
    assert len(world.double.writes()) == before


def test_what_was_said_is_read_again(world: World) -> None:
    assert world.host().conversation(1) == replace(world.host().conversation(1), summary=None, comments=())
    world.host().publish(world.plan(*BOTH))
    found = world.host().conversation(1)
    assert found.memory == MEMORY
    assert found.summary is not None
    assert found.summary.body == summary("What was found.")
    one, two = found.comments
    assert (one.finding, one.path, one.line, one.start_line) == (F1, "mod.py", 10, None)
    assert (two.finding, two.line, two.start_line, two.withdrawn, two.answered) == (F2, 31, 29, False, False)


def test_comments_follow_their_lines_and_go_out_of_date(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    changed = "new = 1\n" + HEAD.replace("line_30 = 0\n", "line_30 = 1\n")
    world.double.push(REPOSITORY, "feature", {"mod.py": changed})
    one, two = world.host().conversation(1).comments
    assert (one.line, two.line, two.start_line) == (11, None, None)
    again = world.host().publish(world.plan(inline(F2, 32, 30), delete=(two.key,), kept=(F1,)))
    assert (again.created, again.deleted, again.kept, again.on_lines) == (1, 1, 1, (F1, F2))
    assert [(comment.line, comment.start_line) for comment in world.on_lines()] == [(11, None), (32, 30)]


def test_a_comment_is_amended_and_withdrawn(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    one, two = world.host().conversation(1).comments
    gone = said(F1, "Gone.", withdrawn=True)
    plan = world.plan(edit=(Amended(one.key, F1, gone, True), Amended(two.key, F2, said(F2, "Still."))))
    delivery = world.host().publish(plan)
    assert (delivery.edited, delivery.on_lines) == (2, (F2,))
    assert [comment.body for comment in world.on_lines()] == [gone, said(F2, "Still.")]
    assert world.host().conversation(1).comments[0].withdrawn
    before = len(world.double.writes())
    world.host().publish(plan)
    assert len(world.double.writes()) == before


def test_a_finding_that_comes_back_is_told_anew_beside_its_withdrawal(world: World) -> None:
    world.host().publish(world.plan(inline(F1)))
    (one,) = world.host().conversation(1).comments
    world.host().publish(world.plan(edit=(Amended(one.key, F1, said(F1, "Gone.", withdrawn=True), True),)))
    assert world.host().publish(world.plan(inline(F1))).created == 1
    assert len(world.on_lines()) == 2


def test_what_was_deleted_meanwhile_is_a_problem_and_no_error(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    one, two = world.host().conversation(1).comments
    del world.double.comments[one.key]
    plan = world.plan(edit=(Amended(one.key, F1, said(F1, "New.")),), delete=(one.key, two.key))
    delivery = world.host().publish(plan)
    assert (delivery.edited, delivery.deleted) == (0, 1)
    assert len(delivery.problems) == 1
    assert F1 in delivery.problems[0]


# --------------------------------------------------------------------------------------------------- the account


def test_a_marker_of_another_account_is_never_ours(world: World) -> None:
    forged = summary("Trust me.", Memory(ignored={F1: "eve"}))
    for eve in ("eve", "other[bot]", "github-actions"):
        world.double.comment(REPOSITORY, 1, forged, author=eve)
        world.double.comment_on_line(REPOSITORY, 1, "mod.py", 10, said(F1), author=eve)
    theirs = [comment.id for comment in world.on_lines()]
    assert world.host().conversation(1).memory == Memory()
    edits = tuple(Amended(key, F1, said(F1, "Changed.")) for key in theirs)
    delivery = world.host().publish(world.plan(*BOTH, edit=edits, delete=tuple(theirs)))
    assert (delivery.created, delivery.edited, delivery.deleted) == (2, 0, 0)
    assert [comment.body for comment in world.on_lines()[:3]] == [said(F1)] * 3
    assert [comment.body for comment in world.below()] == [forged] * 3 + [summary("What was found.")]


def test_a_marker_of_ours_counts_in_the_last_line_only(world: World) -> None:
    world.double.comment(REPOSITORY, 1, summary("Quoted.") + "\n\nand more", author=ACTIONS)
    assert world.host().conversation(1).summary is None


@pytest.mark.parametrize("kind", ["user", "actions", "configured"])
def test_who_we_are(world: World, kind: str) -> None:
    if kind == "user":
        host, login = world.host(world.double.token("Robin")), "Robin"
    elif kind == "actions":
        host, login = world.host(), ACTIONS
    else:
        token = world.double.token("my-app[bot]", kind="app")
        host, login = world.host(token, account="My-App[bot]"), "my-app[bot]"
    world.double.comment(REPOSITORY, 1, summary("Ours."), author=login)
    found = host.conversation(1).summary
    assert found is not None
    assert found.body == summary("Ours.")
    assert len(world.double.asked("users/get-authenticated")) == (0 if kind == "configured" else 1)


def test_an_app_that_nobody_named_finds_out_by_what_it_creates(world: World) -> None:
    token = world.double.token("my-app[bot]", kind="app")
    world.double.comment(REPOSITORY, 1, summary("From before."), author="my-app[bot]")
    host = world.host(token)
    # Read under a wrong name, so with nothing remembered.
    assert host.conversation(1).memory == Memory()
    host.say(1, summary("Running.", Memory()))
    (below,) = world.below()
    assert below.body == summary("Running.", MEMORY)
    assert host.conversation(1).memory == MEMORY


def test_another_account_than_configured_is_told(world: World) -> None:
    delivery = world.host(account="somebody").publish(world.plan(*BOTH))
    assert "pull.account" in delivery.problems[0]


def test_who_we_are_is_not_guessed_when_the_token_is_wrong(world: World) -> None:
    for fault, slug in ((Fault.answer(401), "forge-auth"), (Fault.answer(404), "forge-missing")):
        world.double.inject(fault, "GET", "/user")
        world.double.comment(REPOSITORY, 1, summary("x"), author="bob")
        with pytest.raises(ForgeError) as caught:
            world.host().conversation(1)
        assert caught.value.slug == slug


# ------------------------------------------------------------------------------------------------ people answer


def test_what_somebody_has_answered_stays(world: World) -> None:
    world.host().publish(world.plan(*BOTH))
    one, two = world.host().conversation(1).comments
    world.double.reply(one.key, "No.", author="alice")
    world.double.reply(two.key, "A note of ours.", author=ACTIONS)
    one, two = world.host().conversation(1).comments
    assert (one.answered, two.answered) == (True, False)
    edits = tuple(Amended(posted.key, posted.finding, said(posted.finding, "New.")) for posted in (one, two))
    delivery = world.host().publish(world.plan(edit=edits, delete=(one.key,)))
    assert (delivery.edited, delivery.deleted) == (1, 0)
    assert len(delivery.problems) == 2
    assert [comment.body for comment in world.on_lines()[:2]] == [said(F1), said(F2, "New.")]


@pytest.mark.parametrize("what", ["edit", "delete"])
def test_an_answer_that_comes_while_we_write_counts(world: World, what: str) -> None:
    world.host().publish(world.plan(*BOTH))
    one, two = world.host().conversation(1).comments
    edits = tuple(Amended(posted.key, posted.finding, said(posted.finding, "New.")) for posted in (one, two))
    plan = world.plan(edit=edits) if what == "edit" else world.plan(delete=(one.key, two.key))
    host = world.host()
    done: list[int] = []
    reading = host._told

    def answering(number: int) -> Any:
        if not done and world.double.writes()[-1].method != "POST":
            done.append(world.double.reply(two.key, "Wait!", author="alice"))
        return reading(number)

    host._told = answering  # type: ignore[method-assign]
    delivery = host.publish(plan)
    assert done
    assert (delivery.edited, delivery.deleted) == ((1, 0) if what == "edit" else (0, 1))
    assert said(F2) in [comment.body for comment in world.on_lines()]


def test_an_answer_in_a_thread_whose_first_comment_is_not_ours_is_not_for_us(world: World) -> None:
    theirs = world.double.comment_on_line(REPOSITORY, 1, "mod.py", 10, "Hm.", author="bob")
    world.double.reply(theirs, said(F1), author=ACTIONS)
    world.double.reply(theirs, "Yes.", author="alice")
    (ours,) = world.host().conversation(1).comments
    assert ours.answered


# -------------------------------------------------------------------------------- answers that are lost or broken

LOST = {
    "502": Fault.lost(502),
    "504": Fault.lost(504),
    "closed after": Fault.lost(0),
    "cut": Fault.cut(),
    "late": Fault.slow(2.5),
}
NOT_DONE = {"500": Fault.answer(500), "503": Fault.answer(503), "closed before": Fault.closed()}


@pytest.mark.parametrize("name", [*LOST, *NOT_DONE])
@pytest.mark.parametrize("path", [REVIEWS, ISSUE])
def test_a_broken_answer_to_what_creates_makes_no_second_one(world: World, name: str, path: str) -> None:
    world.double.inject({**LOST, **NOT_DONE}[name], "POST", path)
    delivery = world.host().publish(world.plan(*BOTH))
    assert world.double.faults_left == 0
    assert [read(comment.body) for comment in world.on_lines()] == [Marker("finding", F1), Marker("finding", F2)]
    assert len(world.reviews()) == 1
    assert len(world.below()) == 1
    assert (delivery.created, delivery.problems) == (2, ())
    posts = [exchange for exchange in world.double.writes() if exchange.path == path]
    assert len(posts) == (1 if name in LOST else 2)


def test_what_is_shown_late_is_not_posted_again(world: World) -> None:
    """GitHub says 502, stores the review and shows it seconds later."""
    stored = threading.Event()
    host = world.host()
    world.double.inject(Fault.answer(502), "POST", REVIEWS)

    def later(seconds: float) -> None:
        if seconds == 5.0 and not stored.is_set():
            stored.set()
            world.host(sleep=lambda seconds: None).publish(world.plan(*BOTH))

    world.watch.hook = later
    assert host.publish(world.plan(*BOTH)).created == 2
    assert stored.is_set()
    assert len(world.on_lines()) == 2
    assert len(world.double.asked("pulls/create-review")) == 2  # the failed one, and that of the other host


@pytest.mark.parametrize("path", [REVIEWS, ISSUE])
def test_a_server_that_stays_down_ends_it_and_a_second_run_finishes_it(world: World, path: str) -> None:
    world.double.inject(Fault.answer(502), "POST", path, times=100)
    with pytest.raises(ForgeError) as caught:
        world.host().publish(world.plan(*BOTH))
    assert (caught.value.slug, caught.value.sent) == ("forge-server", True)
    assert len([one for one in world.double.writes() if one.path == path]) == 3
    world.double.drop_faults()
    world.host().publish(world.plan(*BOTH))
    assert (len(world.on_lines()), len(world.below())) == (2, 1)


def test_where_it_cannot_look_it_does_not_post_again(world: World) -> None:
    world.double.inject(Fault.lost(502), "POST", ISSUE)
    world.double.inject(Fault.answer(500), "GET", ISSUE, times=100, skip=1)
    with pytest.raises(ForgeError) as caught:
        world.host().say(1, summary("x"))
    assert caught.value.sent
    assert len(world.below()) == 1
    world.double.drop_faults()
    world.host().say(1, summary("x"))
    assert len(world.below()) == 1


@pytest.mark.parametrize("name", [*LOST, *NOT_DONE])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_edits_and_deletions_are_tried_again(world: World, name: str, method: str) -> None:
    world.host().publish(world.plan(*BOTH))
    one, two = world.host().conversation(1).comments
    world.double.inject({**LOST, **NOT_DONE}[name], method, "/repos/*/pulls/comments/*")
    plan = world.plan(edit=(Amended(one.key, F1, said(F1, "New.")),), delete=(two.key,))
    world.host().publish(plan)
    assert world.double.faults_left == 0
    assert [comment.body for comment in world.on_lines()] == [said(F1, "New.")]


@pytest.mark.parametrize("name", [*LOST, *NOT_DONE])
def test_reads_are_tried_again(world: World, name: str) -> None:
    world.double.inject({**LOST, **NOT_DONE}[name], "GET", "/repos/octo/hello/pulls/1")
    assert world.host().pull(1).number == 1
    assert world.double.faults_left == 0


# ------------------------------------------------------------------------------------------------ what is refused


def test_comments_that_are_refused_go_into_the_summary_and_leave_nothing(world: World) -> None:
    world.double.leaves_stubs = True
    delivery = world.host().publish(world.plan(inline(F1), inline(F2, 20)))
    assert (delivery.created, delivery.on_lines) == (0, ())
    assert world.on_lines() == []
    assert world.reviews() == []
    assert [comment.body for comment in world.below()] == [summary("What was found, in full.")]
    assert "line must be part of the diff" in delivery.problems[0]
    assert len(world.double.asked("pulls/create-review")) == 1


def plant(world: World, state: str, *, author: str = ACTIONS, body: str = "", commit: str = "") -> int:
    """A review without comments, as GitHub has been seen to leave one."""
    key = world.double.next_id()
    who = world.double.account(author)
    commit = commit or world.head
    when = world.double.stamp()
    world.double.reviews[key] = Review(key, REPOSITORY, 1, who, body, state, commit, when)
    return key


def test_an_empty_review_that_a_refusal_leaves_is_explained_and_others_are_not_touched(world: World) -> None:
    before = plant(world, "COMMENTED")
    planted: list[int] = []
    host = world.host()
    host.say(1, summary("Running."))  # so that the review has to wait for a second

    def meanwhile(seconds: float) -> None:
        if not planted:
            planted.append(plant(world, "COMMENTED"))
            plant(world, "COMMENTED", author="bob")
            plant(world, "COMMENTED", body="Of another workflow.")
            world.host(sleep=lambda seconds: None)

    world.watch.hook = meanwhile
    delivery = host.publish(world.plan(inline(F1, 20)))
    assert planted
    bodies = {review.id: review.body for review in world.reviews()}
    assert bodies.pop(planted[0]) == REFUSED
    assert bodies[before] == ""
    assert sorted(bodies.values()) == ["", "", "Of another workflow."]
    assert len(delivery.problems) == 1


def test_a_pending_review_that_a_failure_leaves_is_deleted_before_the_next_try(world: World) -> None:
    world.double.inject(Fault.answer(502), "POST", REVIEWS)
    planted: list[int] = []

    def meanwhile(seconds: float) -> None:
        if not planted:
            planted.append(plant(world, "PENDING"))

    world.watch.hook = meanwhile
    delivery = world.host().publish(world.plan(*BOTH))
    assert planted
    assert [review.state for review in world.reviews()] == ["COMMENTED"]
    assert (delivery.created, delivery.problems) == (2, ())


def test_an_empty_review_that_cannot_be_explained_is_a_problem(world: World) -> None:
    host = world.host()
    host.say(1, summary("Running."))
    planted: list[int] = []
    world.watch.hook = lambda seconds: planted.append(plant(world, "COMMENTED")) if not planted else None
    world.double.inject(Fault.answer(403), "PUT", f"{REVIEWS}/*")
    delivery = host.publish(world.plan(inline(F1, 20)))
    assert world.double.faults_left == 0
    assert "empty review" in delivery.problems[0]
    assert world.below()[0].body == summary("What was found, in full.")


def test_a_head_that_moves_on_is_still_commented_on(world: World) -> None:
    plan = world.plan(*BOTH)
    world.double.push(REPOSITORY, "feature", {"mod.py": "new = 1\n" + HEAD})
    assert world.host().publish(plan).created == 2
    assert [(one.original_commit, one.line) for one in world.on_lines()] == [(plan.head, 11), (plan.head, 32)]
    assert world.host().publish(plan).created == 0


def test_a_head_that_was_thrown_out_is_told_in_the_summary(world: World) -> None:
    plan = world.plan(*BOTH)
    world.double.push(REPOSITORY, "feature", {"mod.py": HEAD + "more = 1\n"}, onto="main")
    delivery = world.host().publish(plan)
    assert (delivery.created, world.on_lines()) == (0, [])
    assert world.below()[0].body == plan.summary_if_refused


def test_a_text_that_is_too_long_is_refused_in_github_s_words(world: World) -> None:
    with pytest.raises(ForgeError) as caught:
        world.host().say(1, summary("x" * 70_000))
    assert caught.value.slug == "forge-refused"
    assert "too long" in caught.value.message


# ----------------------------------------------------------------------------------------- rights, limits, faults


def test_a_missing_right_is_named(world: World) -> None:
    host = world.host(world.double.actions_token(REPOSITORY, contents="read", pull_requests="read"))
    for act in (lambda: host.publish(world.plan(*BOTH)), lambda: host.say(1, summary("x"))):
        with pytest.raises(ForgeError) as caught:
            act()
        assert (caught.value.slug, caught.value.sent) == ("forge-auth", False)
        assert "Resource not accessible by integration" in caught.value.message
        assert "`pull-requests: write`" in caught.value.hint
        assert "fork" in caught.value.hint
    assert world.below() == []


@pytest.mark.parametrize(
    ("fault", "slug"),
    [
        (Fault.answer(401), "forge-auth"),
        (Fault.answer(403), "forge-auth"),
        (Fault.answer(404), "forge-missing"),
        (Fault.answer(409), "forge-refused"),
        (Fault.answer(422), "forge-refused"),
        (Fault.secondary(None), "forge-limit"),
        (Fault.secondary(None, status=429), "forge-limit"),
        (Fault.primary(3000), "forge-limit"),
        (Fault.answer(500), "forge-server"),
        (Fault.answer(502), "forge-server"),
        (Fault.answer(503), "forge-server"),
        (Fault.cut(), "forge-server"),
        (Fault.closed(), "forge-server"),
        (Fault.answer(200, "<html>"), "forge-garbled"),
        (Fault.answer(200, {"number": "1"}), "forge-garbled"),
    ],
)
def test_every_failure_has_its_name(world: World, fault: Fault, slug: str) -> None:
    world.double.inject(fault, "GET", "/repos/octo/hello/pulls/1", times=100)
    with pytest.raises(ForgeError) as caught:
        world.host().pull(1)
    assert caught.value.slug == slug
    assert caught.value.message.startswith("Could not read pull request 1: ")
    assert caught.value.hint


def test_a_secondary_limit_is_waited_for_and_the_review_posted_once(world: World) -> None:
    world.double.inject(Fault.secondary(40), "POST", REVIEWS)
    world.double.inject(Fault.secondary(50, status=429), "POST", ISSUE)
    assert world.host().publish(world.plan(*BOTH)).created == 2
    assert [wait for wait in world.watch.slept if wait > 10] == [40.0, 50.0]
    assert (len(world.on_lines()), len(world.below())) == (2, 1)


def test_a_limit_beyond_patience_ends_it_and_a_later_run_finishes_it(world: World) -> None:
    world.double.inject(Fault.secondary(121), "POST", ISSUE)
    with pytest.raises(ForgeError) as caught:
        world.host().publish(world.plan(*BOTH))
    assert caught.value.slug == "forge-limit"
    assert [wait for wait in world.watch.slept if wait > 10] == []
    assert (len(world.on_lines()), len(world.below())) == (2, 0)
    assert world.host().publish(world.plan(*BOTH)).created == 0
    assert (len(world.on_lines()), len(world.below())) == (2, 1)


def test_a_token_without_requests_left(world: World) -> None:
    world.double.exhaust(world.token, 3000)
    with pytest.raises(ForgeError) as caught:
        world.host().pull(1)
    assert caught.value.slug == "forge-limit"
    world.double.exhaust(world.token, 2)
    with pytest.raises(ForgeError):  # its clock is real, ours is not: the wait is as asked, and four times at most
        world.host().pull(1)
    assert 1 <= world.watch.slept[0] <= 4


def test_writes_are_a_second_apart(world: World) -> None:
    times: list[float] = []
    world.watch.hook = times.append
    world.host().publish(world.plan(*BOTH, check=CheckRun(Mark.NEUTRAL, "t", "s")))
    assert times == [1.0, 1.0]
    times.clear()
    world.host(pause=0).publish(world.plan(inline(F3, 12), check=CheckRun(Mark.NEUTRAL, "t", "u")))
    assert times == []


# ------------------------------------------------------------------------------------------------- several of us


def test_doubles_of_the_summary_end_as_the_oldest(world: World) -> None:
    for text in ("first", "second", "third"):
        world.double.comment(REPOSITORY, 1, summary(text), author=ACTIONS)
    oldest = world.below()[0].id
    found = world.host().conversation(1).summary
    assert found is not None
    assert found.key == oldest
    world.host().say(1, summary("now"))
    assert [(comment.id, comment.body) for comment in world.below()] == [(oldest, summary("now"))]


def together(*acts: Callable[[], object]) -> None:
    """Runs them at the same time. Raises what one of them raised."""
    failed: list[BaseException] = []
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        try:
            act()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_runs_at_the_same_time_end_with_one_of_each(world: World) -> None:
    world.double.inject(Fault.slow(0.3), "POST", "*", times=8)
    plan = world.plan(*BOTH)
    hosts = [world.host(pause=0, sleep=lambda seconds: None) for _ in range(4)]
    together(*[lambda host=host: host.publish(plan) for host in hosts])  # type: ignore[misc]
    assert [read(comment.body) for comment in world.on_lines()] == [Marker("finding", F1), Marker("finding", F2)]
    assert [comment.body for comment in world.below()] == [plan.summary]


# ----------------------------------------------------------------------------------------------- summary, answers


def test_the_summary_is_made_edited_and_left_alone(world: World) -> None:
    url = world.host().say(1, summary("Running."))
    assert world.host().say(1, summary("Done.")) == url
    before = len(world.double.writes())
    assert world.host().say(1, summary("Done.") + "\r\n") == url
    world.below()[0].body = summary("Done.").replace("\n", "\r\n") + "\n"  # as an editor in a browser leaves it
    assert world.host().say(1, summary("Done.")) == url
    assert len(world.double.writes()) == before
    assert len(world.below()) == 1


def test_a_text_without_marker_or_memory_keeps_what_is_remembered(world: World) -> None:
    world.host().say(1, summary("Done."))
    for text in ("It failed.", summary("It failed.", None), summary("It failed.", Memory())):
        world.host().say(1, text)
        assert [comment.body for comment in world.below()] == [summary("It failed.")]


def test_a_summary_that_somebody_deletes_just_now_is_made_anew(world: World) -> None:
    world.host().say(1, summary("Running."))
    world.double.inject(Fault.answer(404), "PATCH", "/repos/*/issues/comments/*")
    world.host().say(1, summary("Done."))
    assert [comment.body for comment in world.below()] == [summary("Done.")]


def test_a_command_is_answered_once(world: World) -> None:
    command = world.double.comment(REPOSITORY, 1, "/tryline help", author="bob")
    order = Order(Task.HELP, 1, command=command, actor="bob")
    forged = signed("Answered.", Marker("answer", str(command)))
    world.double.comment(REPOSITORY, 1, forged, author="eve")
    for fault in (Fault.lost(502), Fault.lost(0)):
        world.double.inject(fault, "POST", ISSUE)
        world.host().answer(order, "Help.")
        world.host().answer(order, "Help.")
        world.double.drop_faults()
    assert [comment.body for comment in world.below()[2:]] == [signed("Help.", Marker("answer", str(command)))]
    other = replace(order, command=world.double.comment(REPOSITORY, 1, "/tryline help", author="bob"))
    world.host().answer(other, "Help.")
    assert len(world.below()) == 5
    world.host().answer(replace(order, command=0), "Nobody asked.")
    assert len(world.below()) == 5
    assert world.host().conversation(1).summary is None


# --------------------------------------------------------------------------------------------------- the reading


def test_pages(world: World) -> None:
    for n in range(105):
        world.double.comment(REPOSITORY, 1, f"note {n}")
        world.double.comment_on_line(REPOSITORY, 1, "mod.py", 10, f"note {n}")
    world.host().publish(world.plan(*BOTH))
    world.host().publish(world.plan(*BOTH))
    found = world.host().conversation(1)
    assert found.summary is not None
    assert [posted.finding for posted in found.comments] == [F1, F2]
    assert (len(world.on_lines()), len(world.below())) == (107, 106)


def test_a_pull_request(world: World) -> None:
    pull = world.host().pull(1)
    assert (pull.repository, pull.number, pull.head, pull.base_ref) == (REPOSITORY, 1, world.head, "main")
    assert (pull.head_label, pull.fork, pull.draft, pull.open) == ("octo:feature", False, False, True)
    assert (pull.author, pull.bot) == ("alice", False)
    assert pull.base == world.double.pull(REPOSITORY, 1).base
    fork = world.double.fork(REPOSITORY, "stranger")
    world.double.push(fork, "topic", {"mod.py": "x = 1\n"})
    number = world.double.open_pull(REPOSITORY, "stranger:topic", author="renovate[bot]", draft=True)
    pull = world.host().pull(number)
    assert (pull.fork, pull.draft, pull.bot, pull.head_label) == (True, True, True, "stranger:topic")
    world.double.close_pull(REPOSITORY, number)
    assert not world.host().pull(number).open
    with pytest.raises(ForgeError) as caught:
        world.host().pull(99)
    assert caught.value.slug == "forge-missing"


def test_the_pull_request_of_a_branch_at_a_commit(world: World) -> None:
    fork = world.double.fork(REPOSITORY, "stranger")
    head = world.double.push(fork, "feature", {"mod.py": "x = 1\n"})
    number = world.double.open_pull(REPOSITORY, "stranger:feature")
    host = world.host()
    found = host.pull_of("stranger:feature", head)
    assert found is not None
    assert found.number == number
    ours = host.pull_of("octo:feature", world.head)
    assert ours is not None
    assert ours.number == 1
    for label, commit in (("stranger:feature", world.head), ("octo:other", head), ("feature", head), ("", head)):
        assert host.pull_of(label, commit) is None
    # Without an owner GitHub would list every pull request: it is not asked.
    assert len(world.double.asked("pulls/list")) == 4
    world.double.close_pull(REPOSITORY, number)
    assert host.pull_of("stranger:feature", head) is None


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        ("octo", True),
        ("bob", True),
        ("mia", True),
        ("tom", False),
        ("rae", False),
        ("alice", False),
        ("nobody-at-all", False),
        (ACTIONS, False),
        ("", False),
        ("../bob", False),
        ("bob/permission?", False),
    ],
)
def test_who_may_command(world: World, actor: str, may: bool) -> None:
    assert world.host().may_command(actor) is may


@pytest.mark.parametrize(
    "answer",
    [
        Fault.answer(403),
        Fault.answer(500),
        Fault.closed(),
        Fault.answer(200, {"permission": 1}),
        Fault.answer(200, {"permission": "admin", "role_name": "admin", "user": {"login": "rae"}}),
        Fault.answer(200, {"permission": "read", "role_name": "triage", "user": None}),
        Fault.answer(200, {}),
    ],
)
def test_nobody_may_where_it_cannot_be_found_out(world: World, answer: Fault) -> None:
    world.double.inject(answer, "GET", "*/permission", times=100)
    assert not world.host().may_command("bob")


def test_the_diff_has_github_s_hunks(world: World) -> None:
    files: dict[str, Any] = {f"many/{n}.py": f"x = {n}\n" for n in range(120)}
    files |= {"old.py": None, "new.py": BASE + "# moved, and more\n", "data.bin": b"\x00\x02", "empty.py": ""}
    world.double.push(
        REPOSITORY, "feature", {**files, "mod.py": HEAD.replace("line_40 = 40\n", "x = '\x0c\u2028'")}
    )
    found = {file.path: file for file in world.host().diff(1)}
    assert len(found) == 124
    assert (found["new.py"].old_path, found["new.py"].status.value) == ("old.py", "renamed")
    assert found["many/7.py"].old_path is None
    assert found["many/7.py"].commentable() == {1}
    assert found["data.bin"].hunks == found["empty.py"].hunks == ()
    for patch in world.double.patches(REPOSITORY, 1):
        shown = {row.new for row in patch.rows if row.new is not None}
        assert found[patch.path].commentable() == shown
    assert len(found["mod.py"].hunks) == 3


def test_a_patch_that_github_has_cut_has_no_hunks(world: World) -> None:
    row = {"filename": "a.py", "status": "modified", "patch": "@@ -1,9 +1,9 @@\n a\n-b"}
    world.double.inject(Fault.answer(200, [row]), "GET", "/repos/*/pulls/1/files")
    (file,) = world.host().diff(1)
    assert (file.path, file.hunks) == ("a.py", ())


def test_git_gets_in_with_the_remote(world: World) -> None:
    world.double.repository("octo/secret", {"a.py": "x = 1\n"}, private=True)
    token = world.double.actions_token("octo/secret", contents="read")
    remote = world.host(token, repository="octo/secret").remote()
    assert token not in remote.url + repr(remote)
    listing = ["git", "-c", f"http.extraHeader=Authorization: {remote.header}", "ls-remote", remote.url, "main"]
    shown = subprocess.run(listing, capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("refs/heads/main\n")


def test_github_enterprise(world: World) -> None:
    host = world.host(api_url=world.double.enterprise_url + "/")
    plan = world.plan(*BOTH)
    assert host.publish(plan).created == 2
    host.conversation(1)
    assert host.pull(1).number == 1
    assert all(exchange.enterprise for exchange in world.double.exchanges)


@pytest.mark.parametrize("name", ["", "hello", "a/b/c", "../x", "o/..", "o/h?x", "o /h", "ö/h"])
def test_what_is_no_repository_is_refused(world: World, name: str) -> None:
    with pytest.raises(UsageError):
        world.host(repository=name)


# ------------------------------------------------------------------------------------------------ checks and SARIF


def noted(count: int) -> CheckRun:
    notes = tuple(Annotation("mod.py", n, n + 1, Level.WARNING, f"title {n}", "text") for n in range(1, count + 1))
    return CheckRun(Mark.FAILURE, "2 findings", "In short.", notes)


@pytest.fixture
def checker(world: World) -> GitHub:
    rights = {"contents": "read", "pull_requests": "write", "checks": "write", "security_events": "write"}
    token = world.double.actions_token(REPOSITORY, **rights)  # type: ignore[arg-type]
    return world.host(token, run_url="https://github.example/run/1")


@pytest.mark.parametrize("count", [0, 1, 50, 51, 120])
def test_a_check_has_all_its_annotations(world: World, checker: GitHub, count: int) -> None:
    for _ in range(2):  # the second time nothing is left to do
        checker.check(world.head, noted(count))
        (check,) = world.double.checks.values()
        assert [row["title"] for row in check.annotations] == [f"title {n}" for n in range(1, count + 1)]
        assert len(world.double.writes()) == max(1, -(-count // 50))
    assert (check.status, check.conclusion, check.head) == ("completed", "failure", world.head)
    assert (check.title, check.summary, check.details) == (
        "2 findings",
        "In short.",
        "https://github.example/run/1",
    )


@pytest.mark.parametrize("name", [*LOST, *NOT_DONE])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_broken_answer_doubles_no_check_and_no_annotation(
    world: World, checker: GitHub, name: str, method: str
) -> None:
    world.double.inject({**LOST, **NOT_DONE}[name], method, "/repos/*/check-runs*")
    checker.check(world.head, noted(120))
    assert world.double.faults_left == 0
    (check,) = world.double.checks.values()
    assert [row["title"] for row in check.annotations] == [f"title {n}" for n in range(1, 121)]


def test_a_check_that_broke_off_is_finished_by_the_next_run(world: World, checker: GitHub) -> None:
    world.double.inject(Fault.answer(500), "PATCH", "/repos/*/check-runs/*", times=100)
    with pytest.raises(ForgeError):
        checker.check(world.head, noted(120))
    world.double.drop_faults()
    checker.check(world.head, noted(120))
    (check,) = world.double.checks.values()
    assert len(check.annotations) == 120


def test_another_result_is_another_check(world: World, checker: GitHub) -> None:
    checker.check(world.head, noted(1))
    checker.check(world.head, noted(2))
    assert len(world.double.checks) == 2


def test_a_check_that_may_not_be_written_is_a_problem_and_alone_an_error(world: World) -> None:
    delivery = world.host().publish(world.plan(*BOTH, check=noted(1)))
    assert delivery.created == 2
    assert "`checks: write`" in delivery.problems[0]
    with pytest.raises(ForgeError) as caught:
        world.host().check(world.head, noted(1))
    assert caught.value.slug == "forge-auth"


def test_a_check_that_fails_for_a_moment_is_an_error_that_a_second_run_mends(
    world: World, checker: GitHub
) -> None:
    world.double.inject(Fault.answer(500), "POST", "/repos/*/check-runs", times=100)
    plan = world.plan(*BOTH, check=noted(1))
    with pytest.raises(ForgeError):
        checker.publish(plan)
    world.double.drop_faults()
    assert checker.publish(plan) == Delivery(0, 0, 0, 2, (F1, F2), checker.say(1, plan.summary), ())
    assert len(world.double.checks) == 1


def test_a_sarif_log_arrives(world: World, checker: GitHub) -> None:
    world.double.inject(Fault.answer(502), "POST", "*/sarifs")
    checker.upload_sarif(world.head, "refs/pull/1/head", '{"version": "2.1.0", "runs": []}')
    (sarif,) = world.double.sarifs
    assert (sarif.commit, sarif.ref, sarif.log) == (
        world.head,
        "refs/pull/1/head",
        {"version": "2.1.0", "runs": []},
    )
    with pytest.raises(ForgeError) as caught:
        world.host().upload_sarif(world.head, "refs/pull/1/head", "{}")
    assert "`security-events: write`" in caught.value.hint
    assert "enabled" in caught.value.hint


def test_a_sarif_log_that_is_too_large_is_not_sent(
    world: World, checker: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.forges.github.host.MAX_SARIF", 10)
    with pytest.raises(ForgeError, match="10 MB"):
        checker.upload_sarif(world.head, "refs/pull/1/head", "{}")
    assert world.double.writes() == []


# --------------------------------------------------------------------------------------------------- the token


def test_the_token_is_nowhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "github.Requester")
    host = world.host()
    host.publish(world.plan(*BOTH))
    for fault in (Fault.answer(401), Fault.answer(500), Fault.primary(5000), Fault.closed()):
        world.double.inject(fault, "GET", "*", times=4)
        with pytest.raises(ForgeError) as caught:
            host.pull(1)
        world.double.drop_faults()
        assert world.token not in caught.value.message + caught.value.hint + str(vars(caught.value))
    assert world.token not in caplog.text
    for exchange in world.double.exchanges:
        assert world.token not in f"{exchange.path}{exchange.query}{exchange.body}{exchange.headers}"
    assert world.token not in repr(host) + repr(host.remote())
