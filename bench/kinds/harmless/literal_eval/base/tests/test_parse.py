from shellopts.parse import parse


def test_parse():
    assert parse("depth=3 name=x flag") == {"depth": 3, "name": "x", "flag": ""}
