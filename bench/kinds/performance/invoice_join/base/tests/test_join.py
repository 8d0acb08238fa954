from billing.join import total, with_customers


def test_join():
    invoices = [{"customer": 2, "cents": 5}, {"customer": 9, "cents": 7}]
    customers = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]
    assert with_customers(invoices, customers) == [
        {"customer": 2, "cents": 5, "name": "Bob"},
        {"customer": 9, "cents": 7, "name": "?"},
    ]
    assert total(invoices) == 12
