from blog.render import paragraphs, render_comment, render_thread


def test_comment():
    assert render_comment({"author": "Ada", "text": "Hi & bye\n\nMore"}) == (
        '<article><header title="Ada">Ada</header><p>Hi &amp; bye</p><p>More</p></article>'
    )
    assert "anonymous" in render_comment({"author": None, "text": "x"})


def test_thread():
    assert render_thread([]) == "<p>No comments yet.</p>"


def test_paragraphs():
    assert paragraphs(" a \n\n\n\n b\n") == ["a", "b"]
