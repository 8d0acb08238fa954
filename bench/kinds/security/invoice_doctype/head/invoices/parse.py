"""Invoices as partners send them."""

from xml.etree import ElementTree


class BadInvoice(ValueError):
    """What came is no invoice."""


def read_invoice(text):
    """Number, lines and total (in cents) of an invoice."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadInvoice(str(error)) from error
    lines = [
        {"text": (line.text or "").strip(), "cents": int(line.get("cents", "0"))} for line in root.iter("line")
    ]
    return {"number": root.get("number", ""), "lines": lines, "total": sum(line["cents"] for line in lines)}
