"""docs/findings.md names what the code looks for: each weakness by its number, each rule that SARIF explains."""

from __future__ import annotations

import re
from pathlib import Path

from bot import sarif

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/findings.md").read_text("utf-8")


def test_every_weakness_that_is_tried_is_documented() -> None:
    sources = sorted((ROOT / "bot/languages/python/attacks").glob("*.py"))
    tried = {number for path in sources for number in re.findall(r"CWE-(\d+)|cwe=(\d+)", path.read_text("utf-8"))}
    numbers = {one or other for one, other in tried}
    assert {"78", "89", "502"} <= numbers
    listed = set(re.findall(r"\d+", TEXT.partition("Families:")[2].partition("\n\n")[0]))
    assert listed == numbers, "what is tried, and nothing else"


def test_every_rule_that_sarif_explains_is_documented() -> None:
    named = set(re.findall(r"`([a-z-]+/[a-z-]+)`", TEXT))
    for rule in sarif.RULES:
        family, _, name = rule.partition("/")
        assert rule in named or f"`{family}/*`" in TEXT or f"`{name}`" in TEXT, rule
