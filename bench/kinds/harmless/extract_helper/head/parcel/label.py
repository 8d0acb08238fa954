"""Labels of parcels."""


def label(order):
    """The lines of a label."""
    lines = [order["name"].strip(), *_address(order)]
    if order.get("country", "DE") != "DE":
        lines.append(order["country"].upper())
    return lines


def _address(order):
    """Street and town, as far as they are known."""
    street = order.get("street", "").strip()
    town = f"{order.get('zip', '')} {order.get('town', '')}".strip()
    return [line for line in (street, town) if line]
