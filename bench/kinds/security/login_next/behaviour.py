from loginflow.nextpage import next_page


def test_pages():
    for page in ("/", "/a/b", "/search?q=a:b", "/x#y"):
        assert next_page({"next": page}) == page
    assert next_page({"next": " /a "}) == "/a"
    assert next_page({"next": ""}) == "/start"
