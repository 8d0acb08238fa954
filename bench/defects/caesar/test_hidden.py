import string

from function import caesar


def test_alphabet():
    for shift in range(-60, 60):
        turned = shift % 26
        lower, upper = string.ascii_lowercase, string.ascii_uppercase
        assert caesar(lower, shift) == lower[turned:] + lower[:turned]
        assert caesar(upper, shift) == upper[turned:] + upper[:turned]
        assert caesar("é ß9", shift) == "é ß9"
