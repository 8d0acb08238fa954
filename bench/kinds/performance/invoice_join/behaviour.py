from billing.join import with_customers


def test_first_customer_counts_and_nothing_changes():
    customers = [{"id": 1, "name": "A"}, {"id": 1, "name": "B"}]
    invoices = [{"customer": 1, "cents": 1}]
    assert with_customers(invoices, customers)[0]["name"] == "A"
    assert invoices == [{"customer": 1, "cents": 1}]
    assert with_customers([], customers) == [] and with_customers(invoices, [])[0]["name"] == "?"
