from shiplog.decode import decode_line


def test_lines():
    assert decode_line(b"WARN low water\r\n") == ("WARN", "low water")
    assert decode_line("für".encode()) == ("INFO", "für")
