from logins.hashing import check_password, hash_password


def test_right_and_wrong():
    stored = hash_password("correct horse")
    assert check_password("correct horse", stored)
    assert not check_password("wrong", stored)


def test_salted():
    assert hash_password("a") != hash_password("a")
    assert hash_password("a", b"1") == hash_password("a", b"1")
