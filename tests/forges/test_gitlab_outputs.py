"""What a job tells GitLab: sections that foreign text cannot open or close, values for later jobs, masks."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import CouldNot
from bot.forges.gitlab.outputs import MASKED, MAX_DOTENV, MAX_SHOWN, MAX_SUMMARY, Job
from bot.plan import Annotation, Level

SECTION = re.compile(r"section_(start|end):(\d+):([A-Za-z0-9_.-]+)(\[[^\]\r\n]*\])?\r\x1b\[0K")
"""What GitLab's own reader of logs takes for a section."""
ACTIVE = {"GITLAB_CI": "true"}


def made(folder: Path | None = None, **more: str) -> tuple[Job, io.StringIO]:
    out = io.StringIO()
    where = {"CI_PROJECT_DIR": str(folder)} if folder else {}
    return Job({**ACTIVE, **where, **more}, out, clock=lambda: 1_700_000_000.9), out


def test_a_group_is_a_section_that_begins_folded() -> None:
    job, out = made()
    with job.group("observe"):
        job.say("running")
        with job.group("deeper"):
            pass
    found = [found.groups() for found in SECTION.finditer(out.getvalue())]
    assert found == [
        ("start", "1700000000", "tryline_1", "[collapsed=true]"),
        ("start", "1700000000", "tryline_2", "[collapsed=true]"),
        ("end", "1700000000", "tryline_2", None),
        ("end", "1700000000", "tryline_1", None),
    ]
    assert out.getvalue().split("\n")[1] == "running"


def test_a_group_ends_with_what_breaks_it() -> None:
    job, out = made()
    with pytest.raises(KeyError), job.group("observe"):
        raise KeyError
    assert len(SECTION.findall(out.getvalue())) == 2


def test_without_gitlab_there_is_only_text() -> None:
    out = io.StringIO()
    job = Job({}, out)
    with job.group("observe"):
        job.report(Level.WARNING, "slow")
    job.output("conclusion", "clean")
    assert job.summarise(["x"]) is True
    assert out.getvalue() == "observe\nWARNING: slow\n"


FOREIGN = st.lists(
    st.sampled_from(
        [
            "section_start:1:evil[collapsed=true]\r\x1b[0K",
            "section_end:1700000000:tryline_1\r\x1b[0K",
            "\x1b[0K",
            "\r",
            "\x1b[31m",
            "\n",
            "\x9b0K",
            "\x1b]8;;https://evil.example\x1b\\",
        ]
    )
    | st.characters(codec=None),
    max_size=20,
).map("".join)


@given(FOREIGN, FOREIGN)
def test_foreign_text_opens_and_closes_no_section_and_has_no_escape(text: str, name: str) -> None:
    job, out = made()
    job.say(text)
    job.report(Level.FAILURE, text, name)
    job.annotate(Annotation(name, 1, 2, Level.NOTICE, text, text))
    assert not SECTION.search(out.getvalue())
    ours = re.sub(r"(?m)^\x1b\[3[136];1m(ERROR|NOTE)\x1b\[0m: ", "", out.getvalue())
    assert not set(ours) & {"\x1b", "\r", "\x9b"}
    with job.group(text):
        pass
    assert len(SECTION.findall(out.getvalue())) == 2


# ---------------------------------------------------------------------------------------------------- files


def test_values_for_later_jobs(tmp_path: Path) -> None:
    (tmp_path / "tryline.env").write_text("PATH=/evil\n")
    job, _ = made(tmp_path)
    job.output("conclusion", "findings")
    job.output("findings", 2)
    job.output("conclusion", "a\nLD_PRELOAD=x\r\n\x1bü")
    assert (tmp_path / "tryline.env").read_text() == "TRYLINE_CONCLUSION=a LD_PRELOAD=x ?\nTRYLINE_FINDINGS=2\n"


def test_a_link_in_the_repository_leads_nowhere(tmp_path: Path) -> None:
    aim = tmp_path / "outside"
    aim.write_text("kept")
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("tryline.env", "tryline.md"):
        (folder / name).symlink_to(aim)
    job, _ = made(folder)
    job.output("conclusion", "clean")
    job.summarise(["# Clean"])
    assert aim.read_text() == "kept"
    assert (folder / "tryline.md").read_text() == "# Clean\n\n"


def test_what_gitlab_would_not_take_is_refused(tmp_path: Path) -> None:
    job, _ = made(tmp_path)
    with pytest.raises(ValueError, match="no name"):
        job.output("a b", 1)
    with pytest.raises(CouldNot) as caught:
        for number in range(20):
            job.output(f"name_{number}", "x" * 1000)
    assert caught.value.slug == "job-file"
    assert len((tmp_path / "tryline.env").read_bytes()) <= MAX_DOTENV


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    job, out = made(tmp_path / "missing")
    with pytest.raises(CouldNot) as caught:
        job.output("conclusion", "clean")
    assert caught.value.slug == "job-file"
    assert job.summarise(["x"]) is False
    assert "could not be written" in out.getvalue()


def test_a_summary_grows_piece_by_piece_within_bounds(tmp_path: Path) -> None:
    job, _ = made(tmp_path)
    job.summarise(["one\n", "", " "])
    job.summarise(["two"])
    assert (tmp_path / "tryline.md").read_text() == "one\n\ntwo\n\n"
    job.summarise(["ü" * MAX_SUMMARY, "three"])
    text = (tmp_path / "tryline.md").read_text("utf-8")
    assert text == "one\n\ntwo\n\n*2 parts left out: a summary has room for 1 MiB.*\n"


# ------------------------------------------------------------------------------------------- masks, annotations


def test_secrets_are_blackened_in_the_log_and_in_the_summary(tmp_path: Path) -> None:
    job, out = made(tmp_path)
    job.mask("glpat-secret", "abc", "", "glpat-secret-longer ")
    basic = base64.b64encode(b"oauth2:glpat-secret").decode()
    job.say(f"glpat-secret {basic} abc glpat-secret-longer")
    job.summarise(["glpat-secret"])
    with job.group("glpat-secret"):
        job.report(Level.FAILURE, "glpat-secret")
    assert "glpat" not in out.getvalue() + (tmp_path / "tryline.md").read_text()
    assert out.getvalue().startswith(f"{MASKED} {MASKED} abc {MASKED}\n")


def test_an_annotation_is_a_line_with_its_place() -> None:
    out = io.StringIO()
    job = Job({}, out)
    assert job.annotate(Annotation("shop/cart.py", 3, 5, Level.WARNING, "Slower", "Twice\nthe time"))
    assert out.getvalue() == "WARNING: shop/cart.py:3-5: Slower: Twice\nthe time\n"


def test_a_flood_of_annotations_is_cut_and_counted() -> None:
    out = io.StringIO()
    job = Job({}, out)
    shown = [job.report(Level.NOTICE, f"n{number}") for number in range(MAX_SHOWN + 2)]
    job.report(Level.FAILURE, "bad")
    job.close()
    assert shown.count(True) == MAX_SHOWN
    assert out.getvalue().endswith("ERROR: bad\nNot shown here: 2 more notes; the report has them.\n")
