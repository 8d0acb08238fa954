import csv
import io
import random

from function import parse_csv_line


def test_agrees_with_the_library():
    source = random.Random(9)
    for _ in range(300):
        row = ["".join(source.choice('ab,"; ') for _ in range(source.randrange(6))) for _ in range(source.randrange(1, 5))]
        for separator in ",;":
            stream = io.StringIO()
            csv.writer(stream, delimiter=separator, lineterminator="").writerow(row)
            assert parse_csv_line(stream.getvalue(), separator) == row
