"""Mails made of templates that shop owners write."""

import string

API_KEY = "key-4711"


class Customer:
    """Who gets the mail."""

    def __init__(self, name, city):
        self.name = name
        self.city = city


def fill(template, customer, **more):
    """The mail's text: `{name}`, `{customer.city}` and further fields replaced; old `$name` works, too."""
    fields = {"name": customer.name, "city": customer.city, **more}
    text = string.Template(template).safe_substitute(fields)
    return text.format(customer=customer, **fields) if "{" in text else text


def subject(template, customer):
    """One line, at most 78 characters."""
    return " ".join(fill(template, customer).split())[:78]
