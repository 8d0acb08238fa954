from mailing.template import Customer, fill, subject

ADA = Customer("Ada", "London")


def test_fill():
    assert fill("Dear $name in $city, $total", ADA, total=5) == "Dear Ada in London, 5"
    assert fill("$unknown", ADA) == "$unknown"


def test_subject():
    assert subject(" Hello\n $name ", ADA) == "Hello Ada"
