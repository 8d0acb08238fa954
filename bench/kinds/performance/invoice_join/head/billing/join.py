"""Putting invoices and customers together."""


def with_customers(invoices, customers):
    """Each invoice with the name of its customer; `?` where there is none."""
    joined = []
    for invoice in invoices:
        name = "?"
        for customer in customers:
            if customer["id"] == invoice["customer"]:
                name = customer["name"]
                break
        joined.append({**invoice, "name": name})
    return joined


def total(invoices):
    return sum(invoice["cents"] for invoice in invoices)
