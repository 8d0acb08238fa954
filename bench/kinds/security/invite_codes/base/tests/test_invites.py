from groups.invites import InviteBook


def test_unknown_code():
    assert InviteBook().redeem("nope") is None
