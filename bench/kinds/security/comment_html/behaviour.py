from blog.render import render_comment


def test_names():
    assert ">O&#x27;Hara &amp; Co<" in render_comment({"author": "O'Hara & Co", "text": ""})
    assert render_comment({"text": "a"}) == '<article><header title="anonymous">anonymous</header><p>a</p></article>'
