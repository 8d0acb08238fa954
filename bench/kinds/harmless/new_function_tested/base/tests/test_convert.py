from colours.convert import to_hex


def test_hex():
    assert to_hex(255, 0, 16) == "#ff0010"
