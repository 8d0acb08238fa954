from directory.people import escaped, group_filter


def test_escaping():
    assert escaped("a*b(c)") == r"a\2ab\28c\29"
    assert group_filter("ops") == "(&(objectClass=group)(cn=ops))"
