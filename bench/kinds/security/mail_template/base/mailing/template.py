"""Mails made of templates that shop owners write."""

import string

API_KEY = "key-4711"


class Customer:
    """Who gets the mail."""

    def __init__(self, name, city):
        self.name = name
        self.city = city


def fill(template, customer, **more):
    """The mail's text: `$name`, `$city` and further fields replaced, unknown ones kept."""
    fields = {"name": customer.name, "city": customer.city, **more}
    return string.Template(template).safe_substitute(fields)


def subject(template, customer):
    """One line, at most 78 characters."""
    return " ".join(fill(template, customer).split())[:78]
