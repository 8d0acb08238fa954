from function import collect_errors


def test_calls_are_independent():
    rules = [("a", bool, "falsy")]
    assert collect_errors({"a": 0}, rules) == {"a": "falsy"}
    assert collect_errors({"a": 1}, rules) == {}


def test_known_errors_are_kept():
    known = {"a": "known"}
    rules = [("a", bool, "falsy"), ("b", bool, "falsy")]
    assert collect_errors({"a": 0, "b": ""}, rules, known) == {"a": "known", "b": "falsy"}
    assert known["b"] == "falsy"
