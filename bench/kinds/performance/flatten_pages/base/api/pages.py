"""Answers of an interface that come in pages."""


def page_count(total, size):
    return -(-total // size)
