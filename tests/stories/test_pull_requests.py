"""Pull requests from their event to what stands on them: real containers, real git, GitHub's API over HTTP."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulling import Stage
from servers.github import Fault, GitHubDouble

from bot import cli
from bot.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

REPO = "acme/shop"
GOOD = '''\
"""Prices, in cents."""


def shipping(weight):
    """What a parcel of so many grams costs."""
    if weight <= 0:
        return 0
    if weight <= 500:
        return 390
    return 590


def discount(amount, percent):
    """The amount with a discount taken off."""
    if percent > 100:
        raise ValueError(percent)
    return amount - round(amount * percent / 100)


def money(cents):
    """An amount for people to read."""
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02d}"
'''
TESTS = """\
import pytest

from shop import discount, money, shipping


@pytest.mark.parametrize(("weight", "cost"), [(0, 0), (1, 390), (500, 390), (501, 590), (2000, 590)])
def test_shipping(weight, cost):
    assert shipping(weight) == cost


@pytest.mark.parametrize(("percent", "left"), [(0, 999), (10, 899), (100, 0)])
def test_discount(percent, left):
    assert discount(999, percent) == left


def test_discount_refuses_more_than_everything():
    with pytest.raises(ValueError):
        discount(999, 101)


@pytest.mark.parametrize(("cents", "text"), [(0, "0.00"), (5, "0.05"), (1234, "12.34")])
def test_money(cents, text):
    assert money(cents) == text
"""
BUG_A = ("weight <= 500", "weight < 500")
BUG_B = ("percent > 100", "percent >= 100")
BUG_C = ("{rest:02d}", "{rest}")


def shop(*bugs: tuple[str, str], above: str = "") -> dict[str, str]:
    """The shop's module with these bugs in it."""
    text = GOOD
    for right, wrong in bugs:
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    return {"shop.py": above + text}


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        double.repository(REPO, {**shop(), "test_shop.py": TESTS}, collaborators={"bob": "write"})
        yield double
        double.check()


def opened(github: GitHubDouble, tmp_path: Path, files: dict[str, str]) -> Stage:
    github.push(REPO, "topic", files)
    number = github.open_pull(REPO, "topic")
    return Stage(
        github, tmp_path, REPO, number, github.actions_token(REPO, contents="read", pull_requests="write")
    )


def verdict_line(stage: Stage) -> str:
    return stage.text.split("\n")[0]


def test_a_pull_request_gets_one_review_whose_suggestion_applies(github: GitHubDouble, tmp_path: Path) -> None:
    stage = opened(github, tmp_path, shop(BUG_A))
    ran = stage.pushed("opened")
    assert ran.code == ExitCode.OK, ran.said
    ((finding, comment),) = stage.open.items()
    assert (comment.path, comment.line) == ("shop.py", 8)
    assert "1 finding in 1 changed function, 1 with a rewrite that passed the tests" in verdict_line(stage)
    assert ran.outputs == {
        "result": "tryline-result.json",
        "conclusion": "findings",
        "findings": "1",
        "suggestions": "1",
        "posted": "true",
    }
    result = json.loads((ran.workspace / "tryline-result.json").read_text())
    assert [row["id"] for row in result["findings"]] == [finding]
    # It was announced before anything ran, and what stands on a line is not annotated there again.
    writes = [(one.method, one.path.rpartition("/")[2]) for one in github.writes()]
    assert writes[0] == ("POST", "comments") and writes[1] == ("POST", "reviews") and len(writes) == 3
    assert "is reviewing" in str(github.writes()[0].body)
    assert "::error" not in ran.stdout and "::warning" not in ran.stdout
    # The token is in no line of the log but the one that has it masked, and in no file of the checkout.
    assert [line for line in ran.said.splitlines() if stage.token in line] == [f"::add-mask::{stage.token}"]
    files = [path for path in ran.workspace.rglob("*") if path.is_file()]
    assert not [path for path in files if stage.token.encode() in path.read_bytes()]
    # The click gives the file that was verified, here: the one that was right.
    assert github.apply_suggestion(comment.id) == GOOD.encode()
    ran = stage.pushed()
    assert stage.open == {} and list(stage.withdrawn) == [finding]
    assert "found nothing" in verdict_line(stage) or "Nothing to review" in verdict_line(stage)
    assert ran.outputs["findings"] == "0"


def test_many_pushes_say_nothing_twice_and_withdraw_what_is_gone(github: GitHubDouble, tmp_path: Path) -> None:
    stage = opened(github, tmp_path, shop(BUG_A))

    def push(*bugs: tuple[str, str], above: str = "") -> list[str]:
        github.push(REPO, "topic", shop(*bugs, above=above))
        return review()

    def review() -> list[str]:
        before = len(github.comments_on(github.pull(REPO, stage.number)))
        ran = stage.pushed()
        assert ran.code == ExitCode.OK, ran.said
        assert len(stage.summaries) == 1
        after = len(github.comments_on(github.pull(REPO, stage.number)))
        fresh.append(after - before)
        return sorted(stage.open)

    fresh: list[int] = []
    (a,) = review()  # 1: a bug
    with_b = push(BUG_A, BUG_B, above="# The shop.\n\n")  # 2: lines move, and there is one more
    assert a in with_b
    (b,) = set(with_b) - {a}
    github.push(REPO, "main", {"README.md": "A shop.\n"})
    github.rebase(REPO, "topic", "main")
    assert review() == sorted([a, b])  # 3: rebased
    assert push(BUG_B) == [b] and a in stage.withdrawn  # 4: one is fixed
    assert "no longer" in stage.withdrawn[a].body.lower() or "fixed" in stage.withdrawn[a].body.lower()
    github.push(REPO, "topic", {"notes.txt": "nothing to do with it\n"})
    assert review() == [b]  # 5: something else
    with_c = push(BUG_A, BUG_B, BUG_C)  # 6: a third, and the first one is back
    (c,) = set(with_c) - {a, b}
    assert sorted(with_c) == sorted([a, b, c])
    assert push(BUG_A) == [a] and {b, c} <= stage.withdrawn.keys()  # 7: the others are fixed
    github.apply_suggestion(stage.open[a].id)
    assert review() == [] and stage.withdrawn.keys() == {a, b, c}  # 8: the suggestion is taken
    assert fresh == [1, 1, 0, 0, 0, 1, 0, 0]
    assert len(github.reviews_on(github.pull(REPO, stage.number))) == 3


def test_a_fork_is_reviewed_with_a_token_that_reads_and_told_by_a_second_run(
    github: GitHubDouble, tmp_path: Path
) -> None:
    github.fork(REPO, "stranger")
    github.push("stranger/shop", "topic", shop(BUG_A), author="stranger")
    number = github.open_pull(REPO, "stranger:topic", author="stranger")
    reads = github.actions_token(REPO, contents="read", pull_requests="read")
    stage = Stage(github, tmp_path, REPO, number, reads)
    ran = stage.pushed("opened")
    assert ran.code == ExitCode.OK, ran.said
    assert github.writes() == [] and ran.outputs["posted"] == "false"
    assert "This run's token may only read" in ran.summary and "breaks" in ran.summary
    assert "::warning file=shop.py,line=8" in ran.stdout or "::error file=shop.py,line=8" in ran.stdout
    # The second run has the file and the right to write, and no code.
    place = tmp_path / "posting"
    place.mkdir()
    (place / "tryline-result.json").write_bytes((ran.workspace / "tryline-result.json").read_bytes())
    writes = github.actions_token(REPO, contents="read", pull_requests="write")
    asked = len(github.git_requests)
    event = run_event(github, number)
    posted = stage.job("workflow_run", event, workspace=place, token=writes)
    assert posted.code == ExitCode.OK, posted.said
    assert len(stage.open) == 1 and "the fork's own run" in stage.text
    assert len(github.git_requests) == asked, "no code of the fork is fetched"
    again = stage.job("workflow_run", event, workspace=place, token=writes)
    assert again.code == ExitCode.OK and len(stage.open) == 1 and len(stage.summaries) == 1
    # A result of another commit is not believed, whatever else it says.
    told = json.loads((place / "tryline-result.json").read_text())
    told["change"]["head"]["commit"] = "0" * 40
    (place / "tryline-result.json").write_text(json.dumps(told))
    refused = stage.job("workflow_run", event, workspace=place, token=writes)
    assert refused.code == ExitCode.USAGE and "result-outdated" in refused.stderr


def run_event(github: GitHubDouble, number: int) -> dict[str, object]:
    """What a workflow is told of a run for a fork's pull request that is done."""
    pull = github.pull_request_event(REPO, number)["pull_request"]
    return {
        "action": "completed",
        "workflow_run": {
            "id": 77,
            "event": "pull_request",
            "conclusion": "success",
            "status": "completed",
            "head_sha": pull["head"]["sha"],
            "head_branch": pull["head"]["ref"],
            "head_repository": pull["head"]["repo"],
            "pull_requests": [],
        },
        "repository": pull["base"]["repo"],
        "sender": pull["user"],
    }


def test_people_with_write_permission_command_it(github: GitHubDouble, tmp_path: Path) -> None:
    stage = opened(github, tmp_path, shop(BUG_A, BUG_B))
    assert stage.pushed("opened").code == ExitCode.OK
    first, second = sorted(stage.open)
    ran = stage.commanded("/tryline ignore " + first, "mallory")
    assert "no write permission" in ran.stdout and stage.answers() == []
    ran = stage.commanded(f"/tryline ignore {first[:7]}", "bob")
    assert ran.code == ExitCode.OK, ran.said
    assert list(stage.open) == [second] and list(stage.withdrawn) == [first]
    assert len(stage.answers()) == 1 and stage.answers()[0].startswith("Ignored")
    assert "bob" in stage.text
    ran = stage.commanded(f"/tryline explain {second}", "bob")
    assert "python -m pytest" in stage.answers()[-1] or "tryline replay" in stage.answers()[-1]
    ran = stage.commanded(f"/tryline verify {second}", "bob")
    assert ran.code == ExitCode.OK, ran.said
    assert second in stage.answers()[-1] and "still" in stage.answers()[-1].lower()
    assert list(stage.open) == [second], "what is ignored stays ignored"
    stage.commanded("/tryline help", "bob")
    assert "/tryline" in stage.answers()[-1] and len(stage.answers()) == 4
    ran = stage.commanded("Looks good to me. /tryline review", "bob")
    assert ran.outputs["conclusion"] == "skipped" and len(stage.answers()) == 4
    # Everything is looked at again, and still nothing is said twice.
    ran = stage.commanded("/tryline review full", "bob")
    assert ran.code == ExitCode.OK, ran.said
    assert list(stage.open) == [second] and len(stage.summaries) == 1


def test_a_run_that_could_not_is_never_green_and_says_so(github: GitHubDouble, tmp_path: Path) -> None:
    stage = opened(github, tmp_path, shop(BUG_A))
    ran = stage.pushed("opened", DOCKER_HOST="unix:///no/such/engine.sock")
    assert ran.code == ExitCode.COULD_NOT, ran.said
    assert "ould not review" in verdict_line(stage) and "reviewing" not in verdict_line(stage)
    assert ran.outputs["conclusion"] == "neutral" and stage.open == {}
    # A configuration that is wrong at base is told on the pull request, too.
    github.push(REPO, "main", {".tryline.yml": "budgets: {}\n"})
    github.rebase(REPO, "topic", "main")
    ran = stage.pushed()
    assert ran.code == ExitCode.USAGE and "budget" in stage.text and "::error" in ran.stdout
    assert len(stage.summaries) == 1


def test_an_outage_loses_nothing_and_doubles_nothing(github: GitHubDouble, tmp_path: Path) -> None:
    stage = opened(github, tmp_path, shop(BUG_A))
    # The review is stored, and its answer lost.
    github.inject(Fault.lost(), "POST", "/repos/*/pulls/*/reviews")
    assert stage.pushed("opened").code == ExitCode.OK
    assert len(stage.open) == 1 and len(github.reviews_on(github.pull(REPO, stage.number))) == 1
    # GitHub is away when all is done: the result is kept, and posted later from the file.
    github.push(REPO, "topic", shop(BUG_A, BUG_B))
    github.inject(Fault.answer(503), "*", "/repos/*/pulls/*/reviews", times=50)
    ran = stage.pushed()
    assert ran.code == ExitCode.COULD_NOT and "tryline post --from" in ran.said
    assert (ran.workspace / "tryline-result.json").exists() and len(stage.open) == 1
    assert "is reviewing" not in verdict_line(stage) and "tryline post --from" in stage.text
    github.drop_faults()
    out, err = io.StringIO(), io.StringIO()
    environ = {**os.environ, "GITHUB_TOKEN": stage.token, "GITHUB_API_URL": github.url}
    argv = ["post", "--from", str(ran.workspace / "tryline-result.json")]
    assert cli.run(argv, cli.Terminal(out, err, environ)) == ExitCode.OK, err.getvalue()
    assert len(stage.open) == 2 and len(stage.summaries) == 1 and "1 posted" in out.getvalue()
    assert cli.run(argv, cli.Terminal(out, err, environ)) == ExitCode.OK
    assert len(stage.open) == 2


def test_policy_is_read_at_base_and_told(github: GitHubDouble, tmp_path: Path) -> None:
    stage = opened(github, tmp_path, shop(BUG_A))
    github.pull(REPO, stage.number).draft = True
    ran = stage.pushed("opened")
    assert ran.code == ExitCode.OK and "draft" in ran.summary and github.writes() == []
    payload = github.pull_request_event(REPO, stage.number, "opened")
    ran = stage.job("pull_request_target", payload)
    assert ran.code == ExitCode.USAGE and "pull-request-target" in ran.stderr and github.writes() == []
    github.push(REPO, "main", {".tryline.yml": "pull: {drafts: true}\n"})
    github.rebase(REPO, "topic", "main")
    ran = stage.pushed()
    assert ran.code == ExitCode.OK and len(stage.open) == 1, ran.said


def test_a_check_and_code_scanning_where_they_are_asked_for(github: GitHubDouble, tmp_path: Path) -> None:
    stage = opened(github, tmp_path, shop(BUG_A))
    rights = {"contents": "read", "pull_requests": "write", "checks": "write", "security_events": "write"}
    wide = github.actions_token(REPO, **rights)  # type: ignore[arg-type]
    asked = {"INPUT_PULL-CHECK": "true", "INPUT_PULL-SARIF": "true", "INPUT_FAIL-ON": "high"}
    ran = stage.pushed("opened", token=wide, **asked, **{"INPUT_SARIF-FILE": "out.sarif"})
    assert ran.code == ExitCode.FINDINGS, ran.said
    (check,) = github.checks.values()
    assert check.conclusion == "failure" and len(check.annotations) == 1
    (sarif,) = github.sarifs
    assert json.loads((ran.workspace / "out.sarif").read_text())["version"] == "2.1.0"
    assert ran.outputs["sarif"] == "out.sarif" and sarif is not None
    # Without the rights, both are warnings, and the review is there all the same.
    github.push(REPO, "topic", shop(BUG_B))
    ran = stage.pushed(**asked)
    assert ran.code == ExitCode.FINDINGS and ran.stdout.count("::warning") == 2, ran.said
    assert len(stage.open) == 1
