from function import slugify


def test_words():
    assert slugify("Hello, World") == "hello-world"


def test_runs_of_marks():
    assert slugify("a -- b") == "a-b"


def test_limit_at_a_word():
    assert slugify("one two three", 7) == "one-two"
    assert slugify("one twotwo x", 6) == "one"


def test_last_word():
    assert slugify("version 2") == "version-2"


def test_nothing():
    assert slugify("?!") == ""
