from directory.people import person_filter


def test_filters():
    assert person_filter("a.b-c") == "(&(objectClass=person)(uid=a.b-c))"
    assert person_filter("x", "") == "(&(objectClass=person)(uid=x))"
    assert person_filter("x", "(a)") == r"(&(objectClass=person)(uid=x)(ou=\28a\29))"
