from logins.hashing import check_password, hash_password


def test_form():
    salt, _, digest = hash_password("pässword", b"\x01\x02").partition("$")
    assert salt == "0102" and len(digest) >= 32 and int(digest, 16)
    assert check_password("pässword", hash_password("pässword"))
    assert not check_password("", hash_password("x"))
