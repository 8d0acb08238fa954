from registry.plugins import Registry


def test_create():
    assert Registry({"list": list, "upper": str.upper}).create("LIST", "ab") == ["a", "b"]
    assert Registry({"upper": str.upper}).create("upper", "x") == "X"
