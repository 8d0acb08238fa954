import pytest

from invoices.parse import BadInvoice, read_invoice


def test_plain_entities_and_defaults():
    read = read_invoice("<invoice><line>a &amp; b</line></invoice>")
    assert read == {"number": "", "lines": [{"text": "a & b", "cents": 0}], "total": 0}
    with pytest.raises(BadInvoice):
        read_invoice("no xml")
