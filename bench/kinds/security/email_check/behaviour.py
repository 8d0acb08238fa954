from signup.validate import is_email


def test_common_addresses():
    for text in ("x@y.io", "first.last@sub.domain.co.uk", "user+tag@ex-ample.com", "n1@2.de"):
        assert is_email(text)
    for text in ("a@b", "a@.de ", "spaces in@x.de", "x" * 250 + "@y.de"):
        assert not is_email(text)
