"""What is planned for a merge request and carried out, push after push: nothing twice, and nothing stale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from sample_pulls import ABOVE, BELOW
from sample_reviews import BASE_SOURCE, FINDING, FIXED_SOURCE, FOUND, HEAD_SOURCE, REWRITE, WITH_REWRITE
from servers.gitlab import Fault, GitLabDouble, Note

from bot.domain import Conclusion, Replacement, Review, Rewrite
from bot.errors import ForgeError
from bot.forges.gitlab import GitLab
from bot.plan import Delivery, Plan
from bot.render import Caps
from bot.steps import comment

pytestmark = pytest.mark.thorough

PROJECT = "group/shop"
PATH = "shop/cart.py"
HEAD = ABOVE + HEAD_SOURCE + BELOW
VERIFIED = ABOVE + FIXED_SOURCE + BELOW
CLEAN = replace(FOUND, findings=(), conclusion=Conclusion.CLEAN)


@dataclass
class Bench:
    """A merge request, and the bot at work on it."""

    double: GitLabDouble
    host: GitLab

    @property
    def head(self) -> str:
        return self.double.merge_request(PROJECT, 1).head

    def plan(self, review: Review = FOUND) -> Plan:
        return comment.plan(
            review,
            self.host.conversation(1),
            number=1,
            head=self.host.pull(1).head,
            files=self.host.diff(1),
            caps=Caps(),
            check=True,
            dialect=self.host.dialect,
        )

    def review(self, review: Review = FOUND) -> Delivery:
        """Plans and publishes; and again, which writes nothing."""
        delivery = self.host.publish(self.plan(review))
        before = len(self.double.writes())
        again = self.plan(review)
        assert (again.create, again.edit, again.delete) == ((), (), ())
        self.host.publish(again)
        # A finding is told as gone once: the second summary no longer says it.
        assert {one.operation for one in self.double.writes()[before:]} <= {"notes/update"}
        return delivery

    def on_lines(self) -> list[Note]:
        return [note for note in self.double.said(PROJECT, 1) if note.kind == "DiffNote"]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with GitLabDouble() as double:
        double.project(PROJECT, {PATH: ABOVE + BASE_SOURCE + BELOW}, members={"bob": "developer"})
        double.push(PROJECT, "feature", {PATH: HEAD})
        double.open_merge_request(PROJECT, "feature")
        token = double.project_token(PROJECT)
        host = GitLab(
            token=token,
            repository=PROJECT,
            api_url=double.api_url,
            server_url=double.url,
            environ={},
            sleep=lambda seconds: None,
            pause=0.0,
        )
        yield Bench(double, host)
        double.check()


def wide(source: str, first: int, last: int, text: str) -> tuple[Review, str]:
    """A review whose rewrite replaces these lines, and the file that was verified."""
    rewrite = Rewrite.of(
        replace(REWRITE.candidate, source=source), REWRITE.verdict, Replacement(PATH, first, last, text)
    )
    return replace(FOUND, findings=(replace(WITH_REWRITE, rewrite=rewrite),)), ABOVE + source + BELOW


MORE = HEAD_SOURCE.replace(
    "    net = 0\n    for price in prices[1:]:\n        net += price\n", "    net = sum(prices)\n"
)
TICKS = FIXED_SOURCE.replace("net = 0", "net = 0  # ````suggestion\n    '''\n```\n'''")
SUGGESTED = {
    "one line": (FOUND, VERIFIED),
    "fewer lines": wide(MORE, 12, 14, "    net = sum(prices)\n"),
    "more lines, with fences": wide(
        TICKS, 12, 13, "    net = 0  # ````suggestion\n    '''\n```\n'''\n    for price in prices:\n"
    ),
    "a deletion": wide(HEAD_SOURCE.replace("        net += price\n", ""), 14, 14, ""),
    "the whole function": wide(FIXED_SOURCE, 11, 15, FIXED_SOURCE),
}


@pytest.mark.parametrize("name", SUGGESTED)
def test_what_is_clicked_is_the_verified_file(bench: Bench, name: str) -> None:
    review, verified = SUGGESTED[name]
    delivery = bench.review(review)
    assert (delivery.created, delivery.problems) == (1, ())
    (note,) = bench.on_lines()
    assert bench.double.apply_suggestion(note.id, author="bob") == verified.encode()
    assert bench.double.file(PROJECT, "feature", PATH) == verified.encode()


def test_from_push_to_push(bench: Bench) -> None:
    assert bench.review().created == 1
    (note,) = bench.on_lines()
    # Lines elsewhere: it stays as it is.
    bench.double.push(PROJECT, "feature", {PATH: HEAD + "\n\nX = 1\n"})
    delivery = bench.review()
    assert (delivery.created, delivery.edited, delivery.kept) == (0, 0, 1)
    # Its line changes: GitLab takes it for outdated, so it is made anew where it belongs.
    bench.double.push(PROJECT, "feature", {PATH: HEAD.replace("prices[1:]:", "prices[1:]:  # all")})
    bench.double.push(PROJECT, "feature", {PATH: HEAD})
    delivery = bench.review()
    assert (delivery.created, delivery.deleted) == (1, 1)
    (anew,) = bench.on_lines()
    assert anew.id != note.id
    # Somebody presses the button; the next review withdraws what was said, and nothing of it can be pressed.
    bench.double.apply_suggestion(anew.id, author="bob")
    delivery = bench.review(CLEAN)
    assert (delivery.edited, delivery.problems, delivery.on_lines) == (1, (), ())
    assert "Fixed in" in anew.body
    assert bench.double.suggestions(anew) == []
    # It comes back: told again on its line, whether that is the old comment or a new one.
    bench.double.push(PROJECT, "feature", {PATH: HEAD})
    assert bench.review().on_lines == (FINDING.id,)
    # All of it in four notifications: three threads at most, and one summary.
    assert len(bench.double.mails) <= 4


def test_without_a_click_a_fix_resolves_the_thread_and_a_relapse_opens_it(bench: Bench) -> None:
    bench.review()
    bench.double.push(PROJECT, "feature", {"README": "x\n"})
    assert bench.review(CLEAN).edited == 1
    (note,) = bench.on_lines()
    assert note.resolved is not None
    assert bench.review().edited == 1
    (note,) = bench.on_lines()
    assert note.resolved is None
    assert len(bench.double.suggestions(note)) == 1


def test_a_thread_with_a_persons_answer_is_left_as_it_is(bench: Bench) -> None:
    bench.review()
    (note,) = bench.on_lines()
    body = note.body
    bench.double.reply(note.id, "I do not think so.", author="bob")
    delivery = bench.review(CLEAN)
    assert (delivery.edited, delivery.deleted) == (0, 0)
    assert note.body == body
    assert note.resolved is None


def test_a_refused_range_is_no_reason_to_say_it_again(bench: Bench) -> None:
    refusal = {"message": '400 Bad request - Note {:line_code=>["can\'t be blank"]}'}
    bench.double.inject(Fault.answer(400, refusal), "POST", "*/draft_notes")
    review, verified = SUGGESTED["fewer lines"]
    assert bench.review(review).created == 1
    (note,) = bench.on_lines()
    assert note.position is not None
    assert note.position.get("line_range") is None
    assert bench.double.apply_suggestion(note.id) == verified.encode()


def test_a_run_that_dies_between_two_requests_is_finished_by_the_next(bench: Bench) -> None:
    """At several places: from then on its token is refused."""
    plan = bench.plan()
    for skip in range(4):
        bench.double.inject(Fault.answer(401), "*", "*", times=200, skip=skip * 5)
        try:
            bench.host.publish(plan)
        except ForgeError as error:
            assert error.slug == "forge-auth"
        bench.double.drop_faults()
    bench.review()
    assert len(bench.on_lines()) == 1
    assert len([note for note in bench.double.said(PROJECT, 1) if note.kind is None]) == 1
    assert bench.double.drafts == {}


def test_the_check_says_how_it_ended_and_is_never_green_with_a_finding(bench: Bench) -> None:
    bench.review()
    bench.double.push(PROJECT, "feature", {PATH: VERIFIED})
    bench.review(CLEAN)
    assert [status.state for status in bench.double.statuses] == ["skipped", "success"]
