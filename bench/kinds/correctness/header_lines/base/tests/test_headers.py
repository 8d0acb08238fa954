from mailbox_tools.headers import parse_headers


def test_headers():
    assert parse_headers("Subject: Hi: there\nTo: a\n  b") == {"subject": "Hi: there", "to": "a b"}
    assert parse_headers("") == {}
