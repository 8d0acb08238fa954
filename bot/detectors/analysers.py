"""Analysers `ruff` and `bandit`: rules that find bugs and weaknesses, read off text alone, in no configuration.

Both read copies in a private folder, so that no configuration of the repository and no plugin is ever loaded. What
they say is a suspicion: about five in six of such messages are no problem.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ruff

from bot.kinds import Notice

SECONDS = 60
"""For one tool over all files."""
LONGEST = 300
"""Characters of a message."""

RULES = (
    # Pyflakes: what fails when it runs, not what is unused.
    *("F5", "F6", "F7", "F821", "F822", "F823", "E9"),
    # Bugbear: behaviour that is hardly meant; its rules on style are left out.
    *(
        "B002",
        "B003",
        "B005",
        "B006",
        "B008",
        "B012",
        "B015",
        "B016",
        "B020",
        "B021",
        "B022",
        "B023",
        "B025",
        "B026",
    ),
    *("B029", "B030", "B031", "B032", "B035", "B039", "B909"),
    *("PLE", "PLW0120", "PLW0127", "PLW0128", "PLW0129", "PLW0131", "PLW0177", "PLW0602", "PLW0711", "PLW1501"),
    *("PLW1508", "PLW1509", "PLW2101", "PLW3301"),
    *("ASYNC100", "ASYNC210", "ASYNC220", "ASYNC221", "ASYNC222", "ASYNC230", "ASYNC251"),
    *("RUF006", "RUF008", "RUF009", "RUF016", "RUF018", "RUF024", "RUF032", "RUF034"),
    "S",
)
IGNORED = ("S101", "S110", "S112", "S311", "S403", "S404", "S405", "S406", "S407", "S408", "S409", "S603", "S607")
"""Security rules that say no more than that something is used: asserts, `random`, imports, any subprocess."""

WEAKNESSES = {
    # The numbers of bandit's own tests, for ruff's port of them.
    **dict.fromkeys(("S102", "S307"), 95),
    **dict.fromkeys(("S103",), 732),
    **dict.fromkeys(("S104",), 605),
    **dict.fromkeys(("S105", "S106", "S107"), 798),
    **dict.fromkeys(("S108", "S306"), 377),
    **dict.fromkeys(("S113",), 400),
    **dict.fromkeys(("S201",), 94),
    **dict.fromkeys(("S202",), 22),
    **dict.fromkeys(("S301", "S302", "S506", "S614"), 502),
    **dict.fromkeys(("S303", "S304", "S305", "S324"), 327),
    **dict.fromkeys(("S308", "S701", "S702", "S703", "S704"), 79),
    **dict.fromkeys(("S310",), 918),
    **dict.fromkeys(("S313", "S314", "S315", "S316", "S317", "S318", "S319", "S320"), 611),
    **dict.fromkeys(("S323", "S501", "S502", "S503", "S504"), 295),
    **dict.fromkeys(("S505",), 326),
    **dict.fromkeys(("S507",), 322),
    **dict.fromkeys(("S602", "S604", "S605", "S609", "S612"), 78),
    **dict.fromkeys(("S608", "S610", "S611"), 89),
}
SECRETS = frozenset({259, 798})
"""Weaknesses whose messages quote a password."""


class Ruff:
    """ruff's rules for bugs and weaknesses."""

    name = "ruff"

    def notices(self, files: Mapping[str, str]) -> Mapping[str, tuple[Notice, ...]]:
        """See `Analyser.notices`."""
        options = [
            "--isolated",
            "--no-cache",
            "--quiet",
            "--exit-zero",
            "--output-format",
            "json",
            "--target-version",
        ]
        rules = ["py311", "--preview", "--select", ",".join(RULES), "--ignore", ",".join(IGNORED)]
        return _asked(files, [ruff.find_ruff_bin(), "check", *options, *rules], _of_ruff)


class Bandit:
    """bandit's tests, which know the number of the weakness."""

    name = "bandit"

    def notices(self, files: Mapping[str, str]) -> Mapping[str, tuple[Notice, ...]]:
        """See `Analyser.notices`."""
        skipped = ",".join(rule.replace("S", "B") for rule in IGNORED)
        command = [sys.executable, "-I", "-m", "bandit", "-q", "--exit-zero", "-f", "json", "-s", skipped]
        return _asked(files, command, _of_bandit)


def _of_ruff(said: Any) -> Iterable[tuple[str, Notice]]:
    for row in said if isinstance(said, list) else []:
        rule, place = str(row.get("code") or "E999"), row.get("location") or {}
        category = "security" if rule.startswith("S") else "correctness"
        notice = Notice(
            "ruff", rule, int(place.get("row", 0)), str(row.get("message", "")), category, WEAKNESSES.get(rule, 0)
        )
        yield str(row.get("filename", "")), notice


def _of_bandit(said: Any) -> Iterable[tuple[str, Notice]]:
    for row in said.get("results", ()) if isinstance(said, dict) else ():
        rule, cwe = str(row.get("test_id", "")), row.get("issue_cwe") or {}
        text = str(row.get("issue_text", ""))
        yield (
            str(row.get("filename", "")),
            Notice("bandit", rule, int(row.get("line_number", 0)), text, "security", int(cwe.get("id", 0))),
        )


def _asked(files: Mapping[str, str], command: Sequence[str], read: Any) -> dict[str, tuple[Notice, ...]]:
    """What a tool says of copies of the files, by path; nothing where it fails or does not end."""
    found: dict[str, list[Notice]] = {}
    with tempfile.TemporaryDirectory(prefix="tryline-") as folder:
        # Numbered: a path of the repository may be anything, a configuration file's name included.
        copies = {}
        for number, (path, text) in enumerate(sorted(files.items())):
            copy = Path(folder) / f"f{number}.py"
            copy.write_bytes(text.encode("utf-8", "replace"))
            copies[copy.name] = path
        if not copies:
            return {}
        try:
            names = [str(Path(folder) / name) for name in copies]
            done = subprocess.run(
                [*command, *names], capture_output=True, timeout=SECONDS, cwd=folder, check=False, env={}
            )
            rows = list(read(json.loads(done.stdout)))
        except (OSError, subprocess.TimeoutExpired, ValueError, TypeError, AttributeError):
            return {}
        for name, notice in rows:
            path = copies.get(Path(name).name, "")
            if path and notice.line > 0:
                # The secret that is complained of is not to be told once more.
                text = notice.message.partition(":")[0] if notice.cwe in SECRETS else notice.message[:LONGEST]
                row = Notice(notice.tool, notice.rule, notice.line, text, notice.category, notice.cwe)
                found.setdefault(path, []).append(row)
    return {path: tuple(rows) for path, rows in found.items()}
