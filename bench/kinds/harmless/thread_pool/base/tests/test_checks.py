from health.checks import run_checks


def test_checks():
    assert run_checks({"a": lambda: 1, "b": lambda: 1 / 0, "c": lambda: ""}) == {"a": True, "b": False, "c": False}
    assert run_checks({}) == {}
