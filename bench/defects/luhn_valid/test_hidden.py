from function import luhn_valid

TABLE = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]


def test_agrees_with_a_table():
    for number in range(10, 4000):
        digits = [int(c) for c in str(number)]
        total = sum(digits[-1::-2]) + sum(TABLE[d] for d in digits[-2::-2])
        assert luhn_valid(str(number)) is (total % 10 == 0)
