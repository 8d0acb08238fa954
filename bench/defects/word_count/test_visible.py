from function import word_count


def test_counts_words():
    assert word_count("a b a") == {"a": 2, "b": 1}


def test_case_is_ignored():
    assert word_count("The the THE") == {"the": 3}


def test_punctuation_is_dropped():
    assert word_count("Stop, stop! (now)") == {"stop": 2, "now": 1}


def test_lone_punctuation_is_no_word():
    assert word_count("one , two") == {"one": 1, "two": 1}


def test_empty():
    assert word_count("") == {}
