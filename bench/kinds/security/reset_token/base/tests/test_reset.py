from passwords.reset import ALPHABET, Resets, new_token


def test_tokens():
    token = new_token()
    assert len(token) == 24 and set(token) <= set(ALPHABET)
    assert len(new_token(8)) == 8


def test_a_token_works_once_and_in_time():
    now = [100.0]
    resets = Resets(10, lambda: now[0])
    token, late = resets.start("ada"), resets.start("bob")
    assert resets.finish(token) == "ada"
    assert resets.finish(token) is None
    now[0] = 200.0
    assert resets.finish(late) is None
