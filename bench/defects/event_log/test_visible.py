from function import summarise_log

LINES = ["INFO db: up", "ERROR web: boom", "ERROR web: again", "DEBUG db: query", "WARNING db: slow: 3s"]


def test_counts():
    assert summarise_log(LINES) == {"db": 2, "web": 2}


def test_level():
    assert summarise_log(LINES, "ERROR") == {"web": 2}
    assert summarise_log(LINES, "WARNING") == {"web": 2, "db": 1}


def test_order():
    lines = ["INFO b: x", "INFO a: x", "INFO c: x", "INFO c: y"]
    assert list(summarise_log(lines)) == ["c", "a", "b"]


def test_malformed_lines():
    assert summarise_log(["", "INFO", "INFO x y: z", "INFO db up", "NOISE db: x"]) == {}
