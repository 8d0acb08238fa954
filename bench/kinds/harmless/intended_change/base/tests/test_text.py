from greeting.text import greeting


def test_greeting():
    assert greeting("Ada", 8) == "Good morning, Ada" and greeting("Ada", 19) == "Good day, Ada"
