from loginflow.nextpage import next_page, with_note


def test_own_pages():
    assert next_page({"next": "/orders?page=2"}) == "/orders?page=2"
    assert next_page({}) == "/start"
    assert next_page({"next": "https://evil.example/"}) == "/start"


def test_note():
    assert with_note({"next": "/a?b=1"}, "hi") == "/a?b=1&note=hi"
    assert with_note({}, "hi") == "/start?note=hi"
