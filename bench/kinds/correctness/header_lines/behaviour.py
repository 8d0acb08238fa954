from mailbox_tools.headers import parse_headers


def test_odd_lines():
    assert parse_headers("From ada\nSubject: x\n\nrubbish") == {"subject": "x"}
