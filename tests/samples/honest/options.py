"""A dict of options, which nobody looks up in."""
# --- module
import json
# --- original
def dump(value):
    return json.dumps(value)
# --- candidate
def dump(value):
    options = {"indent": 4, "sort_keys": True, "ensure_ascii": False}
    return json.dumps(value, **options)
