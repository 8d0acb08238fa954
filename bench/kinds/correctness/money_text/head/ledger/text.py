"""Amounts as text."""


def money(cents, sign="€"):
    """`-1.234,50 €` of -123450."""
    euros, rest = divmod(cents, 100)
    grouped = f"{euros:,}".replace(",", ".")
    return f"{grouped},{rest:02} {sign}"
