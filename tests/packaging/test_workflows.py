"""The workflows that are shipped and shown: valid, pinned, with the least permissions, the same everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.forges.github.event import REVIEWED, SPECIAL, input_name
from bot.forges.github.event import read as read_event
from bot.plan import Task
from bot.settings import PullSettings
from scripts import docs

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples/workflows").glob("*.yml"))
OWN = sorted((ROOT / ".github/workflows").glob("*.yml"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

PLACEHOLDER = "OWNER/tryline@COMMIT # VERSION"
RELEASED = f"acme/tryline@{'0123456789' * 4} # v0.2.0"
"""What a reader writes in its place."""

NEEDED: dict[str, set[tuple[str, str]]] = {
    "review.yml": {("contents", "read"), ("pull-requests", "write")},
    "review-with-model.yml": {("contents", "read"), ("pull-requests", "write")},
    "fork-review.yml": {("contents", "read"), ("pull-requests", "write")},
    "fork-post.yml": {("actions", "read"), ("pull-requests", "write")},
    "commands.yml": {("contents", "read"), ("pull-requests", "write")},
    "audit.yml": {("contents", "read"), ("issues", "write")},
}
"""The permissions of each workflow: a new one is a decision, to be made here and explained in docs/github.md."""

Workflow = dict[Any, Any]


def loaded(path: Path) -> Workflow:
    workflow: Workflow = yaml.safe_load(path.read_text("utf-8"))
    workflow["on"] = workflow.pop(True, None) or workflow.get("on")  # YAML 1.1 takes `on` for true
    return workflow


def steps(workflow: Workflow) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def blocks(document: Path) -> list[str]:
    """The YAML that a document shows."""
    return re.findall(r"^```ya?ml\n(.*?)^```$", document.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def example(name: str) -> Workflow:
    return loaded(ROOT / "examples/workflows" / name)


# --------------------------------------------------------------------------------------------------- linted


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the examples as its workflows, as a reader writes them, and our own."""
    folder = tmp_path_factory.mktemp("released") / ".github/workflows"
    folder.mkdir(parents=True)
    for path in EXAMPLES:
        text = path.read_text("utf-8")
        assert text.count(PLACEHOLDER) == 1, path
        (folder / path.name).write_text(text.replace(PLACEHOLDER, RELEASED), encoding="utf-8")
    for path in OWN:
        (folder / f"own-{path.name}").write_text(path.read_text("utf-8"), encoding="utf-8")
    return folder


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name(str(argv[0]))
    return subprocess.run([tool, *argv[1:]], capture_output=True, text=True, check=False)


def test_they_are_what_githubs_schema_describes(released: Path) -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *sorted(released.iterdir()))
    assert done.returncode == 0, done.stdout


def test_zizmor_finds_nothing(released: Path) -> None:
    done = run("zizmor", "--offline", "--no-progress", "--format=plain", released, ROOT / "action.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


def test_zizmor_would_find_something(released: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    text = (released / "review.yml").read_text("utf-8")
    bad.write_text(text.replace("on: {pull_request:", "on: {pull_request_target:"), encoding="utf-8")
    assert run("zizmor", "--offline", "--no-progress", bad).returncode != 0


def test_what_zizmor_is_told_to_ignore_is_explained() -> None:
    ignored = [
        line for path in [*EXAMPLES, *OWN] for line in path.read_text().split("\n") if "zizmor: ignore" in line
    ]
    assert len(ignored) == 2
    for line in ignored:
        assert re.search(r"zizmor: ignore\[dangerous-triggers\] \w+ .{20,}", line), line


# -------------------------------------------------------------------------------------- pinned, and no more rights


@pytest.mark.parametrize("path", [*EXAMPLES, *OWN], ids=lambda path: path.name)
def test_every_action_is_pinned_with_its_version_beside_it(path: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in path.read_text("utf-8").split("\n")]
    used = [line for line in lines if line.startswith("uses:")]
    assert used
    for line in used:
        assert line == f"uses: {PLACEHOLDER}" or re.fullmatch(
            r"uses: [\w-]+(?:/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line
        ), line


def test_one_commit_of_an_action_is_used_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in [*EXAMPLES, *OWN, *DOCUMENTS]:
        for name, rest in re.findall(r"uses: ([\w/-]+)@(.+)", path.read_text("utf-8")):
            pins.setdefault(name, set()).add(rest)
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_workflow_has_the_permissions_that_it_needs_and_no_others(path: Path) -> None:
    workflow = loaded(path)
    granted = set()
    for job in workflow["jobs"].values():
        assert "permissions" in job or workflow["permissions"]
        granted |= set((job.get("permissions") or workflow["permissions"]).items())
    assert granted == NEEDED[path.name]
    assert ("contents", "write") not in granted


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_no_token_is_left_in_the_checkout(path: Path) -> None:
    for step in steps(loaded(path)):
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
            assert "ref" not in step["with"], "a stranger's head must not lie in a workspace with a token"


def test_what_may_write_for_a_fork_touches_nothing_of_it() -> None:
    workflow = example("fork-post.yml")
    assert set(workflow["on"]) == {"workflow_run"}
    used = [step.get("uses", "").partition("@")[0] for step in steps(workflow)]
    assert used == ["actions/download-artifact", "OWNER/tryline"]
    assert not [step for step in steps(workflow) if "run" in step]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_no_example_runs_strangers_code_beside_secrets(path: Path) -> None:
    assert "pull_request_target" not in loaded(path)["on"]
    if path.name != "review-with-model.yml":
        assert "secrets." not in path.read_text("utf-8")


# --------------------------------------------------------------------------------------- they do what is promised


def test_the_first_review_takes_14_lines_and_no_secret() -> None:
    lines = (ROOT / "examples/workflows/review.yml").read_text("utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 14
    assert not [line for line in lines if len(line) > 100], "and no trick with long lines"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_input_given_is_one_of_the_action(path: Path) -> None:
    known = set(yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"])
    assert set(SPECIAL) <= known
    assert input_name("endpoint.url") in known
    for step in steps(loaded(path)):
        if step["uses"].startswith("OWNER/tryline@"):
            assert set(step.get("with", {})) <= known


@pytest.mark.parametrize("name", ["review.yml", "review-with-model.yml", "fork-review.yml"])
def test_a_review_starts_on_each_action_that_is_reviewed(name: str) -> None:
    assert tuple(example(name)["on"]["pull_request"]["types"]) == REVIEWED


def test_the_second_workflow_for_forks_waits_for_the_first_and_finds_its_artifact() -> None:
    first, second = example("fork-review.yml"), example("fork-post.yml")
    assert second["on"]["workflow_run"]["workflows"] == [first["name"]]
    up = next(step["with"] for step in steps(first) if "upload-artifact" in step["uses"])
    down = next(step["with"] for step in steps(second) if "download-artifact" in step["uses"])
    own = next(step["with"] for step in steps(second) if step["uses"].startswith("OWNER/tryline@"))
    assert up["name"] == down["name"]
    result = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"]["result"]["default"]
    assert up["path"] == result
    assert own["result"] == f"{down['path']}/{result}"


def test_the_button_asks_for_what_the_command_reads() -> None:
    inputs = example("commands.yml")["on"]["workflow_dispatch"]["inputs"]
    environ = {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_REPOSITORY": "acme/shop"}
    filled = {name: "true" if about["type"] == "boolean" else "7" for name, about in inputs.items()}
    order = read_event(environ, {"inputs": filled}, PullSettings()).order
    assert (order.task, order.number, order.everything) == (Task.REVIEW, 7, True)
    required = {name: "7" for name, about in inputs.items() if about.get("required")}
    assert read_event(environ, {"inputs": required}, PullSettings()).order.number == 7


# ------------------------------------------------------------------------------------------------- in documents


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_workflow_in_a_document_is_one_of_the_files(document: Path) -> None:
    files = {path.read_text("utf-8") for path in EXAMPLES}
    for block in blocks(document):
        if re.search(r"^(on|jobs):", block, re.MULTILINE):
            assert block in files, (
                f"{document.name} shows a workflow that is no file of examples/workflows:\n{block}"
            )
        assert yaml.safe_load(block) is not None


def test_documents_show_the_files_as_make_docs_writes_them() -> None:
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        assert docs.with_examples(text) == text, f"run `make docs`: {document.name}"


def test_every_file_is_shown_in_the_guide() -> None:
    shown = blocks(ROOT / "docs/github.md")
    for path in EXAMPLES:
        assert path.read_text("utf-8") in shown, path.name


def test_the_audits_button_asks_for_an_audit_and_its_file_for_nothing_else() -> None:
    on = example("audit.yml")["on"]
    assert set(on) == {"schedule", "workflow_dispatch"}
    inputs = {name: str(about["default"]).lower() for name, about in on["workflow_dispatch"]["inputs"].items()}
    environ = {
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": "a1" * 20,
    }
    payload = {"inputs": inputs, "sender": {"login": "ada"}, "repository": {"default_branch": "main"}}
    order = read_event(environ, payload, PullSettings()).order
    assert (order.task, order.everything) == (Task.AUDIT, False)
    (step,) = (step for step in steps(example("audit.yml")) if "tryline@" in step["uses"])
    assert set(step["with"]) <= {input_name(name) for name in SPECIAL} | set(SPECIAL)
