import pytest
from function import retry


class Flaky:
    def __init__(self, failures, error=OSError):
        self.failures = failures
        self.error = error
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error("no")
        return "done"


def test_success_at_once():
    waits = []
    assert retry(Flaky(0), 3, 1, waits.append) == "done"
    assert waits == []


def test_waits_double():
    waits = []
    assert retry(Flaky(3), 5, 1, waits.append) == "done"
    assert waits == [1, 2, 4]


def test_last_error_is_raised():
    action, waits = Flaky(9), []
    with pytest.raises(OSError):
        retry(action, 3, 1, waits.append)
    assert action.calls == 3
    assert waits == [1, 2]


def test_other_errors_pass():
    action = Flaky(1, KeyError)
    with pytest.raises(KeyError):
        retry(action, 3, 1, lambda _: None, (OSError,))
    assert action.calls == 1
