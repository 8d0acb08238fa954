import itertools

from function import run_length


def test_agrees_with_groupby():
    for length in range(7):
        for letters in itertools.product("ab", repeat=length):
            expected = [(k, len(list(g))) for k, g in itertools.groupby(letters)]
            assert run_length("".join(letters)) == expected
