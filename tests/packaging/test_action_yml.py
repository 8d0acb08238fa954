"""action.yml: its inputs are the settings, it runs the command in the image, and a release pins that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.config import describe
from bot.console import written
from bot.forges.github.event import SPECIAL, input_name, settings_from_inputs
from scripts import docs, pin

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "action.yml").read_text(encoding="utf-8")
ACTION: dict[str, Any] = yaml.safe_load(TEXT)
DIGEST = "0123456789abcdef" * 4


def test_the_inputs_are_the_settings_and_a_few_more() -> None:
    assert set(ACTION["inputs"]) == {input_name(row.name) for row in describe()} | set(SPECIAL)


def test_an_input_says_what_its_setting_means_and_what_counts_without_it() -> None:
    for row in describe():
        about = ACTION["inputs"][input_name(row.name)]
        assert about == {"description": f"{row.description} ({row.kind}; default: {written(row.default)})"}


def test_no_two_settings_share_an_input() -> None:
    names = [input_name(row.name).replace("-", "_") for row in describe()] + [
        name.replace("-", "_") for name in SPECIAL
    ]
    assert len(set(names)) == len(names)


def test_the_inputs_are_written_by_make_docs() -> None:
    assert docs.generated()[ROOT / "action.yml"] == TEXT, "run `make docs`"


def test_what_github_passes_without_any_input_given_is_nothing_but_defaults() -> None:
    passed = {f"INPUT_{name.upper()}": str(about.get("default", "")) for name, about in ACTION["inputs"].items()}
    read = settings_from_inputs(passed)
    assert not read.settings
    assert not read.warnings
    assert read.token == "${{ github.token }}"  # which GitHub replaces
    assert read.result == ACTION["inputs"]["result"]["default"]


@pytest.mark.parametrize("row", describe(), ids=lambda row: row.name)
def test_every_input_reaches_its_setting(row: Any) -> None:
    read = settings_from_inputs({f"INPUT_{input_name(row.name).upper()}": "a value"})
    assert read.settings == {row.environment: "a value"}
    assert not read.warnings


def test_the_result_is_a_file_that_upload_artifact_takes() -> None:
    # It leaves out what is hidden. And a folder that root made could not be emptied by the runner's own user.
    path = Path(ACTION["inputs"]["result"]["default"])
    assert len(path.parts) == 1
    assert not path.name.startswith(".")


def test_it_runs_the_command_in_the_image() -> None:
    assert ACTION["runs"] == {"using": "docker", "image": "Dockerfile", "args": ["ci"]}
    assert set(ACTION["outputs"]) == {
        "conclusion", "findings", "suggestions", "posted", "result", "sarif", "report", "issue",
    }  # fmt: skip


def test_it_is_what_githubs_schema_describes() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()


# -------------------------------------------------------------------------------------------------- the release

segments = st.from_regex(r"[a-z0-9]{1,12}([._-][a-z0-9]{1,8})?", fullmatch=True)
references = st.builds(
    lambda host, path, digest: f"{host}/{'/'.join(path)}@sha256:{digest}",
    st.sampled_from(["ghcr.io", "localhost", "localhost:5000", "registry.acme.example:8443", "registry:5000"]),
    st.lists(segments, min_size=1, max_size=3),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)


@pytest.mark.thorough
@given(references)
def test_a_release_changes_the_image_and_nothing_else(reference: str) -> None:
    changed = pin.pinned(TEXT, reference)
    action = yaml.safe_load(changed)
    assert action["runs"]["image"] == f"docker://{reference}"
    action["runs"]["image"] = "Dockerfile"
    assert action == ACTION
    lines = [(old, new) for old, new in zip(TEXT.split("\n"), changed.split("\n"), strict=True) if old != new]
    assert lines == [("  image: Dockerfile", f"  image: docker://{reference}")]
    # A release from a release's action.yml.
    assert pin.pinned(changed, reference) == changed


@pytest.mark.parametrize(
    "reference",
    [
        "ghcr.io/acme/tryline:0.2.0",
        f"ghcr.io/acme/tryline:0.2.0@sha256:{DIGEST}",
        f"ghcr.io/Acme/tryline@sha256:{DIGEST}",
        f"acme/tryline@sha256:{DIGEST}",
        f"ghcr.io/acme/tryline@sha256:{DIGEST[:-1]}",
        f"docker://ghcr.io/acme/tryline@sha256:{DIGEST}",
        f"ghcr.io/acme/tryline@sha256:{DIGEST}\n  entrypoint: sh",
        f"ghcr.io@sha256:{DIGEST}",
        "",
    ],
)
def test_what_can_be_moved_to_another_image_is_no_pin(reference: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="REGISTRY/NAME@sha256:DIGEST"):
        pin.pinned(TEXT, reference)
    path = tmp_path / "action.yml"
    path.write_text(TEXT, encoding="utf-8")
    assert pin.main(["pin.py", reference, str(path)]) == 2
    assert path.read_text(encoding="utf-8") == TEXT


def test_the_script_writes_the_file_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "action.yml"
    path.write_text(TEXT, encoding="utf-8")
    reference = f"ghcr.io/acme/tryline@sha256:{DIGEST}"
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/pin.py", reference, path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"action.yml runs {reference}\n"), done.stderr
    assert yaml.safe_load(path.read_text("utf-8"))["runs"]["image"] == f"docker://{reference}"
    path.write_text("name: x\n", encoding="utf-8")
    assert pin.main(["pin.py", reference, str(path)]) == 2
    assert pin.main(["pin.py"]) == 2
