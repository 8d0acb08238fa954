import re

from groups.invites import InviteBook


def test_unknown_code():
    assert InviteBook().redeem("nope") is None


def test_codes():
    book = InviteBook()
    code = book.create("chess")
    assert re.fullmatch(r"[A-Z0-9]{4}-[A-Z0-9]{4}", code)
    assert book.redeem(code.lower()) == "chess"
    assert book.redeem(code) is None
