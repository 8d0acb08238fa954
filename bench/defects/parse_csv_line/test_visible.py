from function import parse_csv_line


def test_plain():
    assert parse_csv_line("a,b,c") == ["a", "b", "c"]


def test_empty_fields():
    assert parse_csv_line("a,,c,") == ["a", "", "c", ""]


def test_quoted_separator():
    assert parse_csv_line('a,"b,c",d') == ["a", "b,c", "d"]


def test_doubled_quote():
    assert parse_csv_line('"say ""hi""",x') == ['say "hi"', "x"]


def test_other_separator():
    assert parse_csv_line("a;b,c", ";") == ["a", "b,c"]
