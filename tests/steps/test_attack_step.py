"""Which attacks become suspicions: those that need a stricter base are none of new code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
import sample_trials

from bot.domain import Evidence
from bot.kinds import Attack
from bot.languages import Files, Language
from bot.steps.attack import attack


class Attacked:
    """A language that knows two attacks on everything."""

    def attacks(self, *_: object) -> Sequence[Attack]:
        always = Attack("security/sql-injection", 89, "t", "code", "p", "name", "high", "Why.")
        laxer = Attack("security/exposed-secret-file", 732, "t", "other", "", "", "medium", "Why.", compared=True)
        return (laxer, always)


@pytest.mark.parametrize("added", [True, False])
def test_what_needs_a_stricter_base_is_not_asked_of_new_code(added: bool) -> None:
    function = sample_trials.changed(added=added)
    run = sample_trials.run()
    languages = {sample_trials.PATH: cast("Language", Attacked())}
    texts = {sample_trials.PATH: sample_trials.HEAD_TEXT}
    found = attack([function], texts, languages, cast("Files", None), Evidence(run, run))
    rules = [suspicion.rule for suspicion in found]
    assert rules == ["security/sql-injection"] + ["security/exposed-secret-file"] * (not added)
