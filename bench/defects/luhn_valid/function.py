def luhn_valid(number):
    """Whether a card number (digits, spaces allowed) passes the Luhn check."""
    digits = [int(char) for char in number if char != " "]
    if len(digits) < 2:
        return False
    total = 0
    for position, digit in enumerate(reversed(digits)):
        if position % 2 == 1:
            digit *= 2
            if digit > 9:
                digit -= 9
        total += digit
    return total % 10 == 0
