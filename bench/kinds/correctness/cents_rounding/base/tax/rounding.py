"""Value added tax in cents."""


def vat(cents, percent=19):
    """The tax on a net price, half a cent rounded up."""
    if cents < 0:
        return -vat(-cents, percent)
    return (cents * percent * 2 + 100) // 200


def gross(cents, percent=19):
    return cents + vat(cents, percent)
