from groups.invites import InviteBook


def test_codes_differ():
    book = InviteBook()
    codes = [book.create(n) for n in range(40)]
    assert len(set(codes)) == 40
    assert [book.redeem(code) for code in codes] == list(range(40))
