import pytest

from invoices.parse import BadInvoice, read_invoice

TEXT = '<invoice number="7"><line cents="100">Tea</line><line cents="250"> Cake </line></invoice>'


def test_reads():
    assert read_invoice(TEXT) == {
        "number": "7",
        "lines": [{"text": "Tea", "cents": 100}, {"text": "Cake", "cents": 250}],
        "total": 350,
    }


def test_broken():
    with pytest.raises(BadInvoice):
        read_invoice("<invoice>")
