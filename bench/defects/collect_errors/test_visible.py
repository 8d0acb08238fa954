from function import collect_errors

RULES = [
    ("age", lambda v: v >= 0, "negative"),
    ("age", lambda v: v < 150, "too old"),
    ("name", lambda v: v != "", "empty"),
]


def test_no_errors():
    assert collect_errors({"age": 5, "name": "x"}, RULES) == {}


def test_messages():
    assert collect_errors({"age": 200, "name": ""}, RULES) == {"age": "too old", "name": "empty"}


def test_missing_fields():
    assert collect_errors({}, RULES) == {"age": "missing", "name": "missing"}


def test_zero_is_a_value():
    assert collect_errors({"age": 0, "name": "x"}, RULES) == {}


def test_first_failure_counts():
    rules = [("n", lambda v: v > 0, "first"), ("n", lambda v: v > 1, "second")]
    assert collect_errors({"n": 0}, rules) == {"n": "first"}
