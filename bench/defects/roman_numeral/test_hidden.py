from function import roman_numeral

VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def back(text):
    total = 0
    for here, after in zip(text, text[1:] + " "):
        value = VALUES[here]
        total += -value if VALUES.get(after, 0) > value else value
    return total


def test_all_numbers_read_back():
    seen = set()
    for number in range(1, 4000):
        text = roman_numeral(number)
        assert back(text) == number
        assert not any(c * 4 in text for c in "IXC")
        seen.add(text)
    assert len(seen) == 3999
