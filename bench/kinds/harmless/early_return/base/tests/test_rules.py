from access.rules import may_edit

DOCUMENT = {"owner": 1, "editors": [2]}


def test_rules():
    assert may_edit({"id": 1}, DOCUMENT) and may_edit({"id": 2}, DOCUMENT) and not may_edit({"id": 3}, DOCUMENT)
    assert may_edit({"id": 3, "role": "admin"}, DOCUMENT) and not may_edit({"id": 1, "active": False}, DOCUMENT)
    assert not may_edit({"id": 1}, {**DOCUMENT, "locked": True})
