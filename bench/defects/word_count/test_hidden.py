from collections import Counter

from function import word_count


def test_agrees_with_counter_on_plain_words():
    text = "red green blue red red green " * 5
    assert word_count(text) == dict(Counter(text.split()))


def test_inner_apostrophe_is_kept():
    assert word_count("don't 'don't'") == {"don't": 2}


def test_punctuation_first():
    assert word_count("... after Before after.") == {"after": 2, "before": 1}
