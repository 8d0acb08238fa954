"""GitHub's events: what each asks for, what is refused and why, and that a stranger's text decides nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import markers
from bot.config import describe, environment_name
from bot.config import load as load_config
from bot.errors import TrylineError, UsageError
from bot.forges.github.event import (
    MARK,
    MAX_BYTES,
    SPECIAL,
    Command,
    command_of,
    input_name,
    load,
    read,
    settings_from_inputs,
)
from bot.plan import Event, Order, Task
from bot.settings import PullSettings

HEAD, BASE, MERGE = "a1" * 20, "b2" * 20, "c3" * 20


def user(login: str = "ada", kind: str = "User") -> dict[str, Any]:
    return {"login": login, "id": 7, "type": kind, "site_admin": False}


def repository(owner: str = "acme", name: str = "shop") -> dict[str, Any]:
    return {"id": 1, "full_name": f"{owner}/{name}", "name": name, "owner": user(owner), "private": False}


def pull_request(action: str = "opened", **changes: Any) -> dict[str, Any]:
    pull = {
        "number": 12,
        "state": "open",
        "draft": False,
        "title": "VAT",
        "body": None,
        "user": user(),
        "head": {"label": "acme:vat", "ref": "vat", "sha": HEAD, "repo": repository(), "user": user("acme")},
        "base": {"label": "acme:main", "ref": "main", "sha": BASE, "repo": repository(), "user": user("acme")},
        "merge_commit_sha": MERGE,
    }
    return {"action": action, "number": 12, "pull_request": {**pull, **changes}, "sender": user(), "before": BASE}


def from_fork(action: str = "opened", owner: str = "eve") -> dict[str, Any]:
    event = pull_request(action)
    event["pull_request"]["head"] |= {"repo": repository(owner), "user": user(owner)}
    return event


def comment(body: str | None, action: str = "created", **changes: Any) -> dict[str, Any]:
    written = {"id": 4711, "body": body, "user": user(), "author_association": "NONE", **changes}
    link = {"url": "https://api.github.com/repos/acme/shop/pulls/12"}
    issue = {"number": 12, "state": "open", "pull_request": link, "author_association": "OWNER"}
    return {"action": action, "issue": issue, "comment": written, "sender": user()}


def run(**changes: Any) -> dict[str, Any]:
    ran = {
        "id": 99,
        "event": "pull_request",
        "status": "completed",
        "conclusion": "success",
        "head_sha": HEAD,
        "head_branch": "vat",
        "head_repository": repository("eve"),
        "pull_requests": [],
        "actor": user("eve"),
    }
    return {"action": "completed", "workflow_run": {**ran, **changes}, "sender": user("eve")}


def environ(name: str, **more: str) -> dict[str, str]:
    return {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_SHA": MERGE,
        "GITHUB_ACTOR": "ada",
        **more,
    }


def asked(name: str, payload: Mapping[str, Any], policy: PullSettings | None = None, **more: str) -> Event:
    return read(environ(name, **more), json.dumps(payload).encode(), policy or PullSettings())


def refused(name: str, payload: Any, policy: PullSettings | None = None, **more: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(environ(name, **more), json.dumps(payload).encode(), policy or PullSettings())
    assert caught.value.hint
    return caught.value


# ---------------------------------------------------------------------------------------------- pull requests


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "ready_for_review"])
def test_a_pull_request_is_reviewed_at_its_own_head(action: str) -> None:
    event = asked("pull_request", pull_request(action))
    assert event.order == Order(Task.REVIEW, 12, actor="ada", head=HEAD, head_label="acme:vat")
    assert (event.fork, event.read_only, event.doubtful) == (False, False, False)


@pytest.mark.parametrize(
    "action", ["closed", "labeled", "edited", "converted_to_draft", "assigned", "::error::x\n"]
)
def test_other_actions_do_nothing_and_say_which_are_reviewed(action: str) -> None:
    order = asked("pull_request", pull_request(action)).order
    assert (order.task, order.told) == (Task.NOTHING, False)
    assert "opened, synchronize, reopened and ready_for_review" in order.why
    assert "\n" not in order.why


def test_a_draft_waits_unless_policy_says_otherwise() -> None:
    event = pull_request("synchronize", draft=True)
    order = asked("pull_request", event).order
    assert order.task is Task.NOTHING
    assert "draft" in order.why
    assert "pull.drafts" in order.why
    assert asked("pull_request", event, PullSettings(drafts=True)).order.task is Task.REVIEW


@pytest.mark.parametrize("author", [user("renovate[bot]", "Bot"), user("robot", "Bot"), user("x[bot]")])
def test_a_machine_s_pull_request_is_a_matter_of_policy(author: dict[str, Any]) -> None:
    event = pull_request(user=author)
    assert asked("pull_request", event).order.task is Task.REVIEW
    order = asked("pull_request", event, PullSettings(bots=False)).order
    assert order.task is Task.NOTHING
    assert "pull.bots" in order.why
    assert asked("pull_request", pull_request(), PullSettings(bots=False)).order.task is Task.REVIEW


def test_a_closed_pull_request_is_left_alone() -> None:
    order = asked("pull_request", pull_request("synchronize", state="closed")).order
    assert (order.task, order.why) == (Task.NOTHING, "Pull request #12 is closed.")


def test_a_fork_s_token_may_not_write() -> None:
    event = asked("pull_request", from_fork())
    assert (event.order.task, event.order.head_label) == (Task.REVIEW, "eve:vat")
    assert (event.fork, event.read_only) == (True, True)


def test_a_fork_that_is_gone_counts_as_one() -> None:
    payload = from_fork()
    payload["pull_request"]["head"]["repo"] = None
    event = asked("pull_request", payload)
    assert (event.fork, event.read_only, event.order.head_label) == (True, True, "eve:vat")
    payload["pull_request"]["head"]["user"] = None
    assert asked("pull_request", payload).order.head_label == ""


def test_a_repository_of_the_same_name_elsewhere_is_a_fork_and_case_is_none() -> None:
    assert asked("pull_request", from_fork(owner="ACME")).fork is False
    assert asked("pull_request", from_fork(owner="acme2")).fork is True


def test_whether_dependabot_s_token_may_write_only_trying_tells() -> None:
    payload = pull_request(user=user("dependabot[bot]", "Bot"))
    event = asked("pull_request", payload, GITHUB_ACTOR="dependabot[bot]")
    assert (event.read_only, event.doubtful) == (False, True)
    # A person who pushes to Dependabot's branch has a token of their own.
    assert asked("pull_request", payload).doubtful is False


def test_target_is_refused_with_an_explanation_unless_allowed() -> None:
    error = refused("pull_request_target", from_fork())
    assert error.slug == "pull-request-target"
    assert "secrets" in error.message
    assert "pull.allow_target" in error.hint
    event = asked("pull_request_target", from_fork(), PullSettings(allow_target=True))
    assert (event.order.task, event.fork, event.read_only) == (Task.REVIEW, True, False)


def test_target_is_refused_before_its_payload_is_looked_at() -> None:
    assert refused("pull_request_target", {"action": 5}).slug == "pull-request-target"


# --------------------------------------------------------------------------------------------------- commands


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("/tryline review", Order(Task.REVIEW)),
        ("/tryline review full", Order(Task.REVIEW, everything=True)),
        ("  /Tryline   REVIEW\t", Order(Task.REVIEW)),
        ("/tryline review\r\nthanks!", Order(Task.REVIEW)),
        ("/tryline explain 4d34ce602922", Order(Task.EXPLAIN, finding="4d34ce602922")),
        ("/tryline explain 4D34CE", Order(Task.EXPLAIN, finding="4d34ce")),
        ("/tryline verify `4d34ce602922`", Order(Task.VERIFY, finding="4d34ce602922")),
        ("/tryline ignore 4d34\nreason: ours", Order(Task.IGNORE, finding="4d34")),
        ("/tryline help", Order(Task.HELP)),
        ("/tryline", Order(Task.HELP)),
        ("/tryline reveiw", Order(Task.HELP)),
        ("/tryline review everything", Order(Task.HELP)),
        ("/tryline explain", Order(Task.HELP)),
        ("/tryline explain xyz!", Order(Task.HELP)),
        ("/tryline explain 4d", Order(Task.HELP)),
        ("/tryline explain 4d34ce602922 please", Order(Task.HELP)),
        ("/tryline ignore --all", Order(Task.HELP)),
        ("/tryline post", Order(Task.HELP)),
        ("/tryline nothing", Order(Task.HELP)),
    ],
)
def test_the_first_line_is_the_command(line: str, order: Order) -> None:
    assert command_of(line) == order
    event = asked("issue_comment", comment(line))
    assert event.order == replace(order, number=12, command=4711, actor="ada")
    assert (event.fork, event.read_only, event.doubtful) == (False, False, False)


@pytest.mark.parametrize(
    "body",
    [None, "", "looks good", "hey\n/tryline review", "> /tryline review", "/trylinereview", "tryline review"],
)
def test_text_without_a_command_is_not_answered(body: str | None) -> None:
    order = asked("issue_comment", comment(body)).order
    assert (order.task, order.told, order.command) == (Task.NOTHING, False, 0)


@pytest.mark.parametrize("action", ["edited", "deleted"])
def test_only_a_new_comment_commands(action: str) -> None:
    assert asked("issue_comment", comment("/tryline review", action)).order.task is Task.NOTHING


def test_an_issue_is_no_pull_request() -> None:
    payload = comment("/tryline review")
    del payload["issue"]["pull_request"]
    order = asked("issue_comment", payload).order
    assert (order.task, order.told) == (Task.NOTHING, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"user": user("github-actions[bot]", "Bot")},
        {"user": user("somebot", "Bot")},
        {"user": user("my-app[bot]")},
        {"user": None},
        {"performed_via_github_app": {"id": 3}},
        {"user": user("Tryline-User")},
        {"body": "/tryline help\n\n<!-- tryline:1 answer id=4711 -->"},
    ],
)
def test_machines_and_ourselves_are_never_answered(changes: dict[str, Any]) -> None:
    policy = PullSettings(account="tryline-user")
    order = asked("issue_comment", comment(**{"body": "/tryline review", **changes}), policy).order
    assert (order.task, order.told) == (Task.NOTHING, False)


@pytest.mark.parametrize("kind", ["summary", "finding", "answer"])
def test_what_we_write_holds_what_is_looked_for(kind: markers.Kind) -> None:
    assert markers.write(markers.Marker(kind, "4711")).startswith(MARK)


@pytest.mark.parametrize(("line", "done"), [("review", False), ("verify abcd", False), ("explain abcd", True)])
def test_nothing_runs_for_a_closed_pull_request_and_who_asked_is_told(line: str, done: bool) -> None:
    payload = comment(f"/tryline {line}")
    payload["issue"]["state"] = "closed"
    order = asked("issue_comment", payload).order
    assert (order.task is not Task.NOTHING) == done
    if not done:
        assert (order.told, order.number, order.command, order.actor) == (True, 12, 4711, "ada")


@given(st.text(max_size=200))
def test_any_text_gives_a_command_of_the_list_or_none(text: str) -> None:
    for body in (text, f"/tryline {text}", f"/tryline explain {text}"):
        order = command_of(body)
        if order is not None:
            assert order.task.value in set(Command)
            assert set(order.finding) <= set("0123456789abcdef")
            assert order == Order(order.task, finding=order.finding, everything=order.everything)


def test_a_relation_is_no_permission() -> None:
    payload = comment("/tryline review", author_association="OWNER")
    stranger = comment("/tryline review", author_association="NONE")
    assert asked("issue_comment", payload).order == asked("issue_comment", stranger).order


# ------------------------------------------------------------------------------------- runs by hand, other runs


@pytest.mark.parametrize(
    ("inputs", "number", "everything"),
    [
        ({"pull": "12"}, 12, False),
        ({"pull": " #12 ", "full": "true"}, 12, True),
        ({"pull": 12, "full": True, "other": "x"}, 12, True),
        ({"pull": "12", "full": "false"}, 12, False),
        ({"pull": "12", "full": ""}, 12, False),
    ],
)
def test_a_manual_run_names_a_pull_request(inputs: dict[str, Any], number: int, everything: bool) -> None:
    event = asked("workflow_dispatch", {"inputs": inputs, "ref": "refs/heads/main", "sender": user()})
    assert event.order == Order(Task.REVIEW, number, everything=everything, actor="ada")


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        {},
        {"pull": ""},
        {"pull": "0"},
        {"pull": "-1"},
        {"pull": "1.5"},
        {"pull": "main"},
        {"pull": "9" * 40},
        {"pull": "1", "full": "maybe"},
        {"audit": "false"},
        {"audit": "perhaps"},
        {"audit": "true", "full": "perhaps"},
    ],
)
def test_a_manual_run_without_one_is_an_error(inputs: dict[str, str] | None) -> None:
    assert refused("workflow_dispatch", {"inputs": inputs}).slug == "dispatch-input"


MAIN = {"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": HEAD}
HOME = {**repository(), "default_branch": "main"}


@pytest.mark.parametrize("payload", [{"schedule": "17 3 * * 1"}, {"schedule": "17 3 * * 1", "repository": HOME}])
def test_a_schedule_asks_for_an_audit_of_the_default_branch(payload: dict[str, Any]) -> None:
    event = asked("schedule", payload, **MAIN)
    assert event.order == Order(Task.AUDIT, actor="ada", head=HEAD)
    assert (event.branch, event.read_only, event.fork) == ("main", False, False)


@pytest.mark.parametrize(("full", "everything"), [("true", True), ("", False)])
def test_so_does_a_run_by_hand(full: str, everything: bool) -> None:
    payload = {"inputs": {"audit": "true", "full": full}, "repository": HOME, "sender": user()}
    event = asked("workflow_dispatch", payload, **MAIN)
    assert event.order == Order(Task.AUDIT, everything=everything, actor="ada", head=HEAD)
    assert event.branch == "main"


@pytest.mark.parametrize("ref", ["refs/heads/feature", "refs/tags/v1", "refs/heads/", ""])
def test_of_another_branch_there_is_no_audit(ref: str) -> None:
    payload = {"inputs": {"audit": "true"}, "repository": HOME, "sender": user()}
    event = asked("workflow_dispatch", payload, GITHUB_REF=ref, GITHUB_SHA=HEAD)
    assert (event.order.task, event.branch) == (Task.NOTHING, "")
    assert "An audit is of `main` alone" in event.order.why


def test_an_audit_is_of_a_commit() -> None:
    assert refused("schedule", {}, GITHUB_REF="refs/heads/main", GITHUB_SHA="main").slug == "ci-environment"


@pytest.mark.parametrize("conclusion", ["success", "failure"])
def test_what_a_fork_s_run_saved_is_posted(conclusion: str) -> None:
    event = asked("workflow_run", run(conclusion=conclusion))
    assert event.order == Order(Task.POST, actor="eve", head=HEAD, head_label="eve:vat")
    assert (event.fork, event.read_only) == (True, False)


def test_what_dependabot_s_run_saved_is_posted() -> None:
    event = asked("workflow_run", run(head_repository=repository(), actor=user("dependabot[bot]", "Bot")))
    assert (event.order.task, event.order.head_label, event.fork) == (Task.POST, "acme:vat", False)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (run(event="push"), "ran on `push`"),
        (run(event="pull_request_target"), "ran on `pull_request_target`"),
        (run(conclusion="cancelled"), "ended cancelled"),
        (run(conclusion="skipped"), "ended skipped"),
        (run(conclusion=None), "ended without a conclusion"),
        ({**run(), "action": "requested"}, "has not finished"),
        (run(head_repository=repository()), "posted its review itself"),
        (run(head_repository=None), "is gone"),
        (run(head_branch=None), "is gone"),
    ],
)
def test_other_runs_leave_nothing_to_post(payload: dict[str, Any], why: str) -> None:
    order = asked("workflow_run", payload).order
    assert order.task is Task.NOTHING
    assert why in order.why


@pytest.mark.parametrize(
    "name", ["push", "schedule", "merge_group", "pull_request_review_comment", "x\n::error::y"]
)
def test_any_other_event_says_what_to_do(name: str) -> None:
    order = asked(name, {"anything": 1}).order
    assert order.task is Task.NOTHING
    assert len(order.why) > 30
    assert "\n" not in order.why
    assert order.actor == "ada"


# --------------------------------------------------------------------------------------------- hostile payloads


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("pull_request", "number"), "12"),
        (("pull_request", "number"), -1),
        (("pull_request", "number"), 10**30),
        (("pull_request", "head", "sha"), "main"),
        (("pull_request", "head", "sha"), HEAD + "\n"),
        (("pull_request", "head", "sha"), "--upload-pack=x"),
        (("pull_request", "head", "ref"), "a b"),
        (("pull_request", "head", "ref"), "a\nb"),
        (("pull_request", "head", "repo", "full_name"), "a/b/c"),
        (("pull_request", "head", "repo", "owner", "login"), "a:b"),
        (("pull_request", "user", "login"), "a\x1b[31m"),
        (("pull_request", "draft"), "no"),
        (("pull_request",), None),
        (("action",), ["opened"]),
    ],
)
def test_what_github_never_sends_is_refused(path: tuple[str, ...], value: Any) -> None:
    payload: dict[str, Any] = copy.deepcopy(pull_request())
    place = payload
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    error = refused("pull_request", payload)
    assert error.slug == "event-garbled"
    assert path[-1] in error.message
    assert "\n" not in error.message
    assert "\x1b" not in error.message


def test_a_deeply_nested_payload_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        read(environ("push"), b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", PullSettings())
    assert caught.value.slug == "event-garbled"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["action", "pull_request", "head", "comment", "issue", "inputs", "workflow_run", "user"]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(
    st.sampled_from(["pull_request", "issue_comment", "workflow_dispatch", "workflow_run", "push"]),
    JSON,
    st.sampled_from([pull_request(), comment("/tryline review"), run(), {"inputs": {"pull": "1"}}, {}]),
)
def test_any_payload_gives_an_order_or_a_clear_error(name: str, value: Any, known: dict[str, Any]) -> None:
    payloads = [value, {**known, **value} if isinstance(value, dict) else known]
    for payload in payloads:
        try:
            event = read(environ(name), json.dumps(payload).encode(), PullSettings(bots=False))
        except TrylineError as error:
            assert error.slug in ("event-garbled", "dispatch-input")
        else:
            assert isinstance(event.order, Order)


# ----------------------------------------------------------------------------------------------- the environment


def files(folder: Path, name: str, content: bytes) -> dict[str, str]:
    path = folder / "event.json"
    path.write_bytes(content)
    return environ(name, GITHUB_EVENT_PATH=str(path))


def test_an_event_is_read_from_its_file(tmp_path: Path) -> None:
    around = files(tmp_path, "pull_request", json.dumps(from_fork()).encode()) | {
        "GITHUB_API_URL": "https://ghe.example/api/v3/",
        "GITHUB_SERVER_URL": "https://ghe.example",
        "GITHUB_RUN_ID": "4242",
        "GITHUB_WORKSPACE": "/github/workspace",
    }
    event = load(around, PullSettings())
    assert event.order.head == HEAD
    assert event.name == "pull_request"
    assert event.repository == "acme/shop"
    assert event.api_url == "https://ghe.example/api/v3"
    assert event.server_url == "https://ghe.example"
    assert event.run_url == "https://ghe.example/acme/shop/actions/runs/4242"
    assert event.workspace == Path("/github/workspace")


def test_what_the_environment_leaves_out_is_github_s_own() -> None:
    event = asked("pull_request", pull_request())
    assert (event.api_url, event.server_url) == ("https://api.github.com", "https://github.com")
    assert (event.run_url, event.workspace) == ("", Path())


@pytest.mark.parametrize("missing", ["GITHUB_EVENT_NAME", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH"])
def test_outside_a_job_the_missing_variable_is_named(tmp_path: Path, missing: str) -> None:
    around = files(tmp_path, "push", b"{}")
    for nothing in ({}, {missing: ""}):
        with pytest.raises(UsageError, match=missing) as caught:
            load({key: value for key, value in around.items() if key != missing} | nothing, PullSettings())
        assert caught.value.slug == "not-in-ci"
        assert "tryline review" in caught.value.hint


def test_an_event_s_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none.json"), str(tmp_path), "a\0b"):
        with pytest.raises(UsageError, match="cannot be read") as caught:
            load(environ("push", GITHUB_EVENT_PATH=path), PullSettings())
        assert caught.value.slug == "event-file"


def test_an_event_s_file_that_is_too_large(tmp_path: Path) -> None:
    around = files(tmp_path, "push", b"")
    with Path(around["GITHUB_EVENT_PATH"]).open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UsageError, match="larger than 32 MiB") as caught:
        load(around, PullSettings())
    assert caught.value.slug == "event-file"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"'])
def test_an_event_s_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        load(files(tmp_path, "push", content), PullSettings())
    assert caught.value.slug == "event-garbled"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_REPOSITORY", "shop"),
        ("GITHUB_REPOSITORY", "acme/.."),
        ("GITHUB_REPOSITORY", "acme/shop/../../x"),
        ("GITHUB_REPOSITORY", "acme/sh op"),
        ("GITHUB_REPOSITORY", "acme/shop\n"),
        ("GITHUB_API_URL", "ghe.example/api/v3"),
        ("GITHUB_API_URL", "file:///etc/passwd"),
        ("GITHUB_API_URL", "https://x:hunter2@ghe.example"),
        ("GITHUB_API_URL", "https://ghe.example?a=b"),
        ("GITHUB_API_URL", "https://ghe.example/a b"),
        ("GITHUB_API_URL", "https://ghe.example:99999"),
        ("GITHUB_API_URL", "https://[ghe"),
        ("GITHUB_SERVER_URL", "javascript:alert(1)"),
    ],
)
def test_a_variable_that_github_would_not_set(name: str, value: str) -> None:
    error = refused("push", {}, **{name: value})
    assert error.slug == "ci-environment"
    assert name in error.message
    assert "hunter2" not in error.message


def test_a_strange_run_id_makes_no_link() -> None:
    assert asked("push", {}, GITHUB_RUN_ID="1/../../x").run_url == ""


# --------------------------------------------------------------------------------------------------- the inputs


def as_variable(name: str) -> str:
    """How GitHub's runner calls an input."""
    return "INPUT_" + name.replace(" ", "_").upper()


def test_every_setting_has_an_input() -> None:
    names = [one.name for one in describe()]
    assert len({input_name(name) for name in names} | set(SPECIAL)) == len(names) + len(SPECIAL)
    around = {as_variable(input_name(name)): f"v{number}" for number, name in enumerate(names)}
    inputs = settings_from_inputs(around)
    assert inputs.settings == {environment_name(name): f"v{number}" for number, name in enumerate(names)}
    assert inputs.warnings == ()


def test_inputs_reach_the_configuration_and_win_over_the_environment() -> None:
    around = {
        "TRYLINE_BUDGET_SECONDS": "11",
        "TRYLINE_REPEATS": "3",
        "INPUT_BUDGET-SECONDS": " 22 ",
        "INPUT_FAIL-ON": "high",
        "INPUT_PULL-DRAFTS": "true",
        "INPUT_TEST-ARGS": "",
    }
    config = load_config(environ=settings_from_inputs(around).environ(around))
    assert (config.budget.seconds, config.repeats, config.fail_on) == (22.0, 3, "high")
    assert config.pull.drafts is True
    assert config.test.args == ()


def test_what_is_no_setting_is_kept_apart_and_secret() -> None:
    around = {
        "INPUT_GITHUB-TOKEN": "ghs_secret",
        "INPUT_ENDPOINT-KEY": "sk-secret",
        "INPUT_RESULT": "out/result.json",
        "INPUT_SARIF-FILE": "out.sarif",
        "GITHUB_TOKEN": "ghs_other",
    }
    inputs = settings_from_inputs(around)
    assert (inputs.token, inputs.endpoint_key) == ("ghs_secret", "sk-secret")
    assert (inputs.result, inputs.sarif_file) == ("out/result.json", "out.sarif")
    assert (inputs.settings, inputs.warnings) == ({}, ())
    assert "secret" not in repr(inputs)
    assert inputs.environ({})["TRYLINE_ENDPOINT_KEY"] == "sk-secret"
    assert "ghs_secret" not in inputs.environ({}).values()


def test_the_token_may_come_from_the_environment() -> None:
    assert settings_from_inputs({"GITHUB_TOKEN": "ghs_x", "INPUT_GITHUB-TOKEN": ""}).token == "ghs_x"
    assert "TRYLINE_ENDPOINT_KEY" not in settings_from_inputs({}).environ({})


def test_an_unknown_input_is_named_with_the_nearest() -> None:
    inputs = settings_from_inputs({"INPUT_BUDGET-SECOND": "5", "INPUT_ZZ": "1", "INPUT_EMPTY": "", "OTHER": "x"})
    assert inputs.warnings == (
        "There is no input `budget-second`; did you mean `budget-seconds`?",
        "There is no input `zz`; the action's action.yml lists them all.",
    )
    assert inputs.settings == {}
