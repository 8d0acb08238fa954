"""Prime numbers for a guessing game."""


def is_prime(number):
    """Whether a number has no divisor but 1 and itself."""
    if number < 2:
        return False
    return all(number % divisor for divisor in range(2, number))


def next_prime(number):
    number += 1
    while not is_prime(number):
        number += 1
    return number
