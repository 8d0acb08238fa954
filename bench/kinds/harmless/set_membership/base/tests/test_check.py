from spelling.check import unknown_words


def test_check():
    assert unknown_words("Tea, caek and tea caek", ["tea", "and"]) == ["caek"]
