from numbers_game.primes import is_prime


def test_more():
    assert not is_prime(-3) and not is_prime(49) and is_prime(101) and not is_prime(121)
