"""Settings in a JSON file."""

import json


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def resolve(path, names, default=None):
    """The values of dotted names, like `mail.host`."""
    values = []
    settings = load(path)
    for name in names:
        value = settings
        for part in name.split("."):
            value = value.get(part, default) if isinstance(value, dict) else default
        values.append(value)
    return values
