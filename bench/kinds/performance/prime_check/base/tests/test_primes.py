from numbers_game.primes import is_prime, next_prime


def test_primes():
    assert [n for n in range(20) if is_prime(n)] == [2, 3, 5, 7, 11, 13, 17, 19]
    assert next_prime(13) == 17
