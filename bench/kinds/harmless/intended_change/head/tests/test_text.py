from greeting.text import greeting


def test_greeting():
    assert greeting("Ada", 8) == "Good morning, Ada!" and greeting("Ada", 19) == "Good evening, Ada!"
    assert greeting("Ada", 12) == "Good day, Ada!"
