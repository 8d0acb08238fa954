"""A built-in edit does not empty what an object holds to please a test."""

from __future__ import annotations

import pytest

from bot.domain import Situation
from bot.endpoints.edits import Edits
from bot.languages.python.language import Python

SHELF = """\
class Shelf:
    def __init__(self):
        self.items = []
        self.limit = 3

    def refresh(self, names):
        self.items = sorted(names)

    def first(self, names):
        try:
            found = self.items[0]
        except IndexError:
            found = None
        return found
"""


@pytest.mark.parametrize(
    ("statement", "offered"), [("self.items = []", False), ("self.items = sorted(names)", True)]
)
def test_only_statements_that_keep_an_objects_state_are_copied_from_sisters(statement: str, offered: bool) -> None:
    function = next(f for f in Python().functions("shelf.py", SHELF) if f.qualname == "Shelf.first")
    lines = {
        "\n".join(proposal.edit.lines).strip()
        for line in Python().statements(function.source)
        for proposal in Edits().propose(
            Situation(function, function.source, line, SHELF, None, None, 1.0, None, width=500)
        )
        if proposal.edit is not None
    }
    assert (statement in {part.strip() for text in lines for part in text.split("\n")}) is offered
