from passwords.reset import ALPHABET, new_token


def test_form():
    tokens = {new_token(10) for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) == 10 and set(token) <= set(ALPHABET) for token in tokens)
    assert new_token(0) == ""
