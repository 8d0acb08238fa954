import itertools

from function import is_balanced


def slow(text):
    while True:
        shorter = text.replace("()", "").replace("[]", "").replace("{}", "")
        if shorter == text:
            return text == ""
        text = shorter


def test_all_short_texts():
    for length in range(6):
        for letters in itertools.product("()[]", repeat=length):
            text = "".join(letters)
            assert is_balanced(text) is slow(text)
