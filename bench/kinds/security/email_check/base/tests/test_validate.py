import pytest

from signup.validate import is_email, is_login


@pytest.mark.parametrize("text", ["ada@example.com", " a.b+c@mail.example.org "])
def test_addresses(text):
    assert is_email(text)


@pytest.mark.parametrize("text", ["", "ada", "ada@", "@example.com", "a@b@c.de", "a b@c.de"])
def test_no_addresses(text):
    assert not is_email(text)


def test_logins():
    assert is_login("ada_1") and not is_login("1ada")
