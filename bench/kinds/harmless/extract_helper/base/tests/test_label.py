from parcel.label import label


def test_label():
    order = {"name": " Ada ", "street": "Way 1", "zip": "123", "town": "X", "country": "fr"}
    assert label(order) == ["Ada", "Way 1", "123 X", "FR"]
    assert label({"name": "Bob"}) == ["Bob"]
