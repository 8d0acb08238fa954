"""Prime numbers for a guessing game."""


def is_prime(number):
    """Whether a number has no divisor but 1 and itself."""
    if number < 2:
        return False
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 1
    return True


def next_prime(number):
    number += 1
    while not is_prime(number):
        number += 1
    return number
