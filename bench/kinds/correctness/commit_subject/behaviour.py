from changelog.subjects import subject


def test_nothing():
    assert subject("") == "(no subject)" and subject(" \n ") == "(no subject)"
