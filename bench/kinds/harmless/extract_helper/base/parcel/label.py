"""Labels of parcels."""


def label(order):
    """The lines of a label."""
    lines = [order["name"].strip()]
    street = order.get("street", "").strip()
    if street:
        lines.append(street)
    town = f"{order.get('zip', '')} {order.get('town', '')}".strip()
    if town:
        lines.append(town)
    if order.get("country", "DE") != "DE":
        lines.append(order["country"].upper())
    return lines
