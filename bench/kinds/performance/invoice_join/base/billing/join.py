"""Putting invoices and customers together."""


def with_customers(invoices, customers):
    """Each invoice with the name of its customer; `?` where there is none."""
    names = {}
    for customer in customers:
        names.setdefault(customer["id"], customer["name"])
    joined = []
    for invoice in invoices:
        joined.append({**invoice, "name": names.get(invoice["customer"], "?")})
    return joined


def total(invoices):
    return sum(invoice["cents"] for invoice in invoices)
