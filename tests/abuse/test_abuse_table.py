"""The table of the abuse suite: each row is shown by a test or a program, and can be put into a document."""

from __future__ import annotations

from pathlib import Path

from cases import CASES, PROGRAMS, rows

HERE = Path(__file__).parent
BACKENDS = {"docker", "podman", "bubblewrap", "bubblewrap, one user"}


def test_every_row_has_its_proof() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 30
    for case in CASES:
        if case.proof:
            file, _, test = case.proof.partition("::")
            assert f"def {test}(" in (HERE / file).read_text(encoding="utf-8"), case.name
        else:
            compile(case.program, case.name, "exec")
            assert "did" in case.program or "attempt(" in case.program


def test_every_program_has_its_row() -> None:
    programs = {path.stem.replace("_", "-") for path in PROGRAMS.glob("[a-z]*.py")}
    assert programs == {case.name for case in CASES if not case.proof}


def test_it_stands_in_the_document() -> None:
    written = list(rows())
    document = (HERE.parents[1] / "docs/sandbox.md").read_text(encoding="utf-8")
    assert "<!-- abuse -->\n" + "\n".join(written) + "\n<!-- end of abuse -->" in document
    assert len(written) == len(CASES) + 2
    assert {row.count("|") for row in written} == {5}
    assert all(set(case.not_on) <= BACKENDS for case in CASES)
