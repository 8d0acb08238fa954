from shellopts.parse import parse


def test_parse():
    assert parse("depth=3 name=x flag") == {"depth": 3, "name": "x", "flag": ""}
    assert parse("a=1.5 b=None c=[1,2]") == {"a": 1.5, "b": None, "c": [1, 2]}
