from directory.people import escaped, group_filter, person_filter


def test_escaping():
    assert escaped("a*b(c)") == r"a\2ab\28c\29"
    assert group_filter("ops") == "(&(objectClass=group)(cn=ops))"


def test_person():
    assert person_filter("ada") == "(&(objectClass=person)(uid=ada))"
    assert person_filter("ada", "R&D") == "(&(objectClass=person)(uid=ada)(ou=R&D))"
