"""Stories: what a reader is told of a model that only chats: its tier, and no guidance that it cannot have."""

from __future__ import annotations

import re

import pytest
from servers import HOSTED, REASONING, VLLM, Abilities, Scripted, ToyServer
from telling import Author

pytestmark = pytest.mark.engine

TEXT = '''\
def spread(items):
    """How far apart the smallest and the largest are."""
    low = 0
    high = 0
    return high - low
'''
RIGHT = TEXT.replace("low = 0", "low = min(items)").replace("high = 0", "high = max(items)")
TESTS = """\
from spread import spread


def test_two():
    assert spread([3, 5]) == 2


def test_three():
    assert spread([4, 9, 6]) == 5
"""


@pytest.mark.parametrize(("abilities", "tier"), [(VLLM, "A"), (HOSTED, "C"), (REASONING, "D")])
def test_what_is_shown_names_the_tier_and_claims_no_more(author: Author, abilities: Abilities, tier: str) -> None:
    author.main({"spread.py": '"""Spread."""\n', "test_spread.py": "def test_nothing():\n    pass\n"})
    author.topic({"spread.py": TEXT, "test_spread.py": TESTS})
    with ToyServer(Scripted([("", [f"```python\n{RIGHT}```\n"])]), abilities, key="sk-story") as server:
        told = author.review(
            *("--endpoint", server.url, "--set", "guidance.review=false", "--set", "guidance.rungs=line-guided"),
            OPENAI_API_KEY="sk-story",
        )
    assert told.suggestion["rung"] == "line-guided"
    assert told.finding["search"]["tier"] == told.result["environment"]["tier"] == tier
    for shown in (told.stdout, told.markdown):
        assert f"tier {tier}" in shown
        # CFG is what tier A does; the others sample under a prompt that holds what was run.
        assert tier == "A" or not re.search(r"(?i)\bcfg\b|classifier", shown)
    assert tier == "A" or not re.search(r"(?i)\bcfg\b|classifier", str(told.result["findings"]))
