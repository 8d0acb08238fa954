"""Exports of tables for spreadsheets."""

import csv
import os
import tempfile


def rows_of(records, columns):
    yield list(columns)
    for record in records:
        yield [record.get(column, "") for column in columns]


def export(name, records, columns):
    """Writes records as a CSV file for download; returns its path."""
    path = os.path.join(tempfile.gettempdir(), f"{name}-export.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows_of(records, columns))
    return path
