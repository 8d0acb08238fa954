"""Audits over time, delivered to both platforms: what people see, hear of and decide, whatever fails."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from maintaining import REPO, Hub, Lab, World
from repositories import Repository
from sample_audits import AUDITED, OVER_BUDGET, audit, finding
from sample_reviews import function

from bot import audit_job, record, upkeep_markers
from bot.audit_delivery import Kept, deliver, failed, ignored, links_of
from bot.audited import Audit
from bot.config import Config, load
from bot.domain import Replacement, Reviewed, Rewrite
from bot.errors import ExitCode, ForgeError
from bot.steps import upkeep
from bot.workspace import Workspace

pytestmark = pytest.mark.thorough

A, B, C = (finding(name, rewrite=name != "b") for name in "abc")
FILE = "#\n" * 10 + function().source


class Stand:
    """A checkout of the repository that a platform holds, and deliveries of audits of it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.checkout = Repository(folder)
        self.checkout.git("fetch", "--quiet", world.double.clone_url(REPO), "main")
        self.checkout.git("checkout", "--quiet", "--detach", "FETCH_HEAD")

    def deliver(self, found: Audit, drafts: int = 0) -> Kept:
        """Delivers an audit of the checkout's commit, as a job does."""
        config = self.config(drafts)
        with Workspace.open(self.checkout.path) as workspace:
            revision = workspace.revision("HEAD")
            found = replace(found, revision=revision)
            found = upkeep.with_ignored(found, ignored(self.world.upkeep()))
            links = links_of("github", self.world.double.url, REPO, str(revision.commit), "", "")
            return deliver(self.world.upkeep(), found, config, links, branch="main", workspace=workspace)

    def config(self, drafts: int) -> Config:
        return load(f"audit: {{draft_pulls: {drafts}}}\n".encode(), at="HEAD", environ={})

    def tick(self, item: Reviewed) -> None:
        """Somebody with the right to edit the issue ticks a box."""
        body = self.world.body()
        assert f"- [ ] `{item.finding.id}`" in body
        self.world.set_body(body.replace(f"- [ ] `{item.finding.id}`", f"- [x] `{item.finding.id}`"))

    @property
    def open(self) -> bool:
        found = self.world.upkeep().issue()
        return found is not None and found.open


@pytest.fixture(params=[Hub, Lab], ids=["github", "gitlab"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """The test ends with a look at the contract."""
    made: Callable[[dict[str, str]], World] = request.param
    world = made({"shop/cart.py": FILE, "other.py": "x = 1\n"})
    with world.double:
        if isinstance(world, Lab):
            world.double.found(REPO).visibility = "public"
        yield Stand(world, tmp_path / "checkout")
        world.double.check()
        assert world.double.faults_left == 0


def test_ten_audits(stand: Stand) -> None:
    world = stand.world
    assert stand.deliver(audit()).issue is None
    assert world.count() == (0, 0), "nothing found is no reason for an issue"

    world.double.inject(world.lost()[0], "POST", world.issues)
    kept = stand.deliver(audit(A, B))
    assert kept.issue is not None and kept.issue.open and world.count() == (1, 0)
    assert stand.deliver(audit(A, B, old=(A, B))).issue is not None
    assert world.comments() == []

    world.double.inject(world.lost()[1], "POST", world.notes)
    world.double.inject(world.lost()[0], world.verb, world.edit)
    stand.deliver(audit(A, B, C, old=(A, B)))
    assert len(world.comments()) == 1 and C.finding.title in world.comments()[0]

    stand.tick(B)
    stand.deliver(audit(B, C, old=(B, C), gone=(A,)))
    assert "1 finding stands: 1 still there, 1 fixed." in world.body()

    world.set_open(False)
    stand.deliver(audit(B, C, old=(B, C)))
    assert not stand.open, "a person has closed it, and nothing is new"

    world.double.inject(world.refused(), world.verb, world.edit)
    with pytest.raises(ForgeError):
        stand.deliver(audit(A, B, C, old=(B, C)))
    stand.deliver(audit(A, B, C, old=(A, B, C)))
    assert stand.open and len(world.comments()) == 2, "a run that broke off has told it already"

    failed(world.upkeep(), "c" * 40, "No engine answers.", "")
    assert "could not run; this is not a pass.** No engine answers." in world.body()
    assert stand.open and len(world.comments()) == 2

    stand.deliver(audit(B, old=(B,), gone=(A, C)))
    assert not stand.open and world.comments()[2].startswith("All that this issue told of is fixed, but for")
    stand.deliver(audit(A, B, old=(B,)))
    assert stand.open and len(world.comments()) == 4
    assert world.count() == (1, 0)


def other(name: str) -> Reviewed:
    """A finding with a rewrite of its own."""
    item = finding(name)
    assert item.rewrite is not None
    change = Replacement("shop/cart.py", 13, 13, f"    for price in prices:  # {name}\n")
    return replace(item, rewrite=Rewrite.of(item.rewrite.candidate, item.rewrite.verdict, change))


def test_drafts_one_after_the_other(stand: Stand) -> None:
    world, items = stand.world, [other(name) for name in "xyz"]
    first = stand.deliver(audit(*items), drafts=1)
    (one,) = first.opened
    sign = world.upkeep().dialect.sign
    assert first.issue is not None and f"{sign}{one.number} |" in first.issue.body
    branch = f"tryline/{one.finding}"
    new = world.double.file(REPO, branch, "shop/cart.py")
    assert new is not None and b"for price in prices:  # " in new and new.count(b"\n") == FILE.count("\n")

    assert stand.deliver(audit(*items), drafts=1).opened == (), "one is open, and no more are wanted"
    world.close(one.number, merged=False)
    last = stand.deliver(audit(*items), drafts=1)
    (two,) = last.opened
    assert two.finding != one.finding, "what somebody turned down is not opened again"
    assert last.issue is not None
    assert f"{sign}{one.number}, closed |" in last.issue.body and f"{sign}{two.number} |" in last.issue.body


def test_a_draft_that_nobody_needs_makes_room(stand: Stand) -> None:
    world, items = stand.world, [other(name) for name in "xy"]
    (one,) = stand.deliver(audit(*items), drafts=1).opened
    left = next(item for item in items if item.finding.id != one.finding)
    stand.deliver(audit(left, functions=(AUDITED, OVER_BUDGET)), drafts=1)
    assert [there.open for there in world.upkeep().proposed()] == [True], "not certain: not looked at again"
    (two,) = stand.deliver(audit(left), drafts=1).opened
    assert two.finding == left.finding.id
    assert {there.finding: there.open for there in world.upkeep().proposed()} == {
        one.finding: False,
        two.finding: True,
    }


def test_a_rewrite_of_a_file_that_has_changed_is_left_out(stand: Stand) -> None:
    stand.world.double.push(REPO, "main", {"shop/cart.py": FILE.replace("net = 0", "net = 1")})
    kept = stand.deliver(audit(A), drafts=1)
    assert kept.opened == () and "has changed since the audited commit" in kept.problems[0]
    assert kept.issue is not None


def test_a_draft_that_is_refused_costs_no_issue(stand: Stand) -> None:
    stand.world.double.inject(stand.world.refused(), "POST", stand.world.pulls)
    kept = stand.deliver(audit(A), drafts=1)
    assert kept.opened == () and "A draft of a rewrite could not be opened" in kept.problems[0]
    assert kept.issue is not None and A.finding.title in kept.issue.body
    assert len(stand.deliver(audit(A), drafts=1).opened) == 1


def test_an_ignored_finding_has_no_draft(stand: Stand) -> None:
    stand.deliver(audit(A, B))
    stand.tick(A)
    assert stand.deliver(audit(A, B), drafts=1).opened == ()
    memory = upkeep_markers.read_issue(stand.world.body())
    assert memory is not None and memory.ignored == (A.finding.id,)


def test_a_saved_audit_is_posted_once(stand: Stand, tmp_path: Path) -> None:
    world, out = stand.world, io.StringIO()
    saved = tmp_path / "tryline-result.json"
    saved.write_text(record.audit_dumps(audit(A, B)), encoding="utf-8")

    def post() -> ExitCode:
        return audit_job.post(
            saved,
            stand.config(2),
            {},
            out,
            platform="gitlab" if isinstance(world, Lab) else "github",
            repository=REPO,
            token=world.token,
            api_url=world.api_url,
            server_url=world.double.url,
        )

    assert post() == ExitCode.OK
    assert "2 findings stand: 2 new." in world.body() and world.count() == (1, 0)
    assert "Issue 1 is kept (open)" in out.getvalue()
    post()
    assert world.comments() == [] and world.count() == (1, 0)
    saved.write_text(record.audit_dumps(audit(gone=(A, B))), encoding="utf-8")
    post()
    assert not stand.open


def test_where_things_are_shown() -> None:
    run = "https://git.example/group/shop/-/jobs/7"
    links = links_of("gitlab", "https://git.example", "group/shop", "c" * 40, run, "tryline.html")
    assert links.blobs == f"https://git.example/group/shop/-/blob/{'c' * 40}"
    assert links.report == f"{run}/artifacts/file/tryline.html"
    assert links_of("github", "https://github.com", "a/b", "c" * 40, "", "tryline.html").report == ""
