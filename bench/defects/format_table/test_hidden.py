import random

from function import format_table


def test_agrees_with_format():
    source = random.Random(20)
    for _ in range(200):
        columns = source.randrange(1, 4)
        rows = [
            [source.choice([source.randrange(2000), "x" * source.randrange(1, 6), 0.5]) for _ in range(columns)]
            for _ in range(source.randrange(1, 5))
        ]
        widths = [max(len(str(row[c])) for row in rows) for c in range(columns)]
        expected = []
        for row in rows:
            cells = [f"{c!s:<{w}}" if isinstance(c, str) else f"{c!s:>{w}}" for c, w in zip(row, widths)]
            expected.append("   ".join(cells).rstrip())
        assert format_table(rows, 3) == "\n".join(expected)
