import signal

from syncing.cursor import pull_all


def test_repeated_cursor():
    signal.alarm(4)
    try:
        assert pull_all({None: ([1], "a"), "a": ([], "a")}.get) == [1]
    finally:
        signal.alarm(0)
