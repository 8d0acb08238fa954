import pytest
from function import retry


def test_calls_and_waits():
    for attempts in range(1, 6):
        for failures in range(7):
            calls, waits = [], []

            def action():
                calls.append(1)
                if len(calls) <= failures:
                    raise ValueError(len(calls))
                return len(calls)

            if failures < attempts:
                assert retry(action, attempts, 3, waits.append) == failures + 1
                assert waits == [3 * 2**n for n in range(failures)]
            else:
                with pytest.raises(ValueError) as caught:
                    retry(action, attempts, 3, waits.append)
                assert caught.value.args == (attempts,)
                assert waits == [3 * 2**n for n in range(attempts - 1)]


def test_no_attempts():
    with pytest.raises(ValueError):
        retry(lambda: 1, 0, 1, lambda _: None)
