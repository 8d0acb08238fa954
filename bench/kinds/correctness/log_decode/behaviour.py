from shiplog.decode import decode_line


def test_broken_bytes():
    assert decode_line(b"ERROR \xff\xfe") == ("ERROR", "\ufffd\ufffd")
