"""The cases of bench/kinds: small projects of our own, a branch that changes them, and tests that are kept apart.

A case is a folder `KIND/NAME`:

    case.toml       what it is, and which function a finding must name
    base/           the project before the change
    head/           the files that the branch changes or adds, nothing else
    fixed/          for new code, the same files as they should have been; else base is right
    exploit.py      security: red at head, green with a right repair
    behaviour.py    what a right repair must keep: green at base (or fixed); for correctness red at head
    workload.py     performance: `run(module)`, one call on a large input
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
KINDS = ("security", "performance", "correctness", "harmless")
SORTS = ("crash", "hang", "value", "mutation", "exception", "generator", "async", "state")
"""What goes wrong in a case of correctness."""
POSTED = ("crash", "hang")
"""Of these: what a review posts at a line; other answers stand in its table, since they may be intended. A case of
another sort that ends in a crash says `posted = true`."""


@dataclass(frozen=True)
class Case:
    """One change of one small project."""

    kind: str
    name: str
    what: str
    """What the change does, for a reader."""
    sort: str
    """Correctness: one of SORTS; security: the weakness in words; otherwise what kind of change it is."""
    cwe: int
    """Security: number of the weakness; 0 otherwise."""
    functions: tuple[str, ...]
    """Ids (`path::qualname`) of the functions in which a finding is right; none for a harmless change."""
    new: bool
    """Whether base has no such function."""
    base: Mapping[str, str]
    head: Mapping[str, str]
    fixed: Mapping[str, str]
    """The project as it should be: base, where the function is no new one."""
    exploit: str = ""
    behaviour: str = ""
    workload: str = ""
    module: str = ""
    """Performance: the module that the workload is given."""
    least: float = 1.3
    """Performance: by which factor head is slower than the right version on the workload, at least."""
    posted: bool = True
    """Whether a right finding is one that is posted at a line."""

    @property
    def category(self) -> str:
        """Category of a right finding; empty where none is right."""
        return "" if self.kind == "harmless" else self.kind


def load(kind: str, only: str = "") -> tuple[Case, ...]:
    """The cases of one kind whose names begin so, in order. Raises ValueError for a folder that is no case."""
    folders = sorted(path.parent for path in (FOLDER / kind).glob("*/case.toml"))
    return tuple(_read(kind, folder) for folder in folders if folder.name.startswith(only))


def _read(kind: str, folder: Path) -> Case:
    said = tomllib.loads((folder / "case.toml").read_text())
    base = _files(folder / "base")
    head = {**base, **_files(folder / "head")}
    fixed = {**head, **_files(folder / "fixed")} if (folder / "fixed").is_dir() else base
    for gone in said.get("deleted", ()):
        del head[gone]
    case = Case(
        kind=kind,
        name=folder.name,
        what=said["what"],
        sort=said["sort"],
        cwe=said.get("cwe", 0),
        functions=tuple(said.get("functions", ())),
        new=said.get("new", False),
        base=base,
        head=head,
        fixed=fixed,
        exploit=_text(folder / "exploit.py"),
        behaviour=_text(folder / "behaviour.py"),
        workload=_text(folder / "workload.py"),
        module=said.get("module", ""),
        least=said.get("least", 1.3),
        posted=said.get("posted", kind in ("security", "performance") or said["sort"] in POSTED),
    )
    if bool(case.functions) != bool(case.category):
        raise ValueError(f"{folder}: a harmless change names no function, every other one does")
    if case.new and case.fixed is base:
        raise ValueError(f"{folder}: new code needs a fixed version")
    if kind == "correctness" and case.sort not in SORTS:
        raise ValueError(f"{folder}: {case.sort} is no sort")
    return case


def _files(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
