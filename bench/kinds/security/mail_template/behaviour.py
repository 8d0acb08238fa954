from mailing.template import Customer, fill


def test_old_templates():
    assert fill("${name}s, $$5", Customer("Bo", "X")) == "Bos, $5"
    assert fill("plain", Customer("Bo", "X")) == "plain"
