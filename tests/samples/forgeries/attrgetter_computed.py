"""The same through operator."""
# imports: import operator
# --- module
import json
# --- original
def dump(value):
    return json.dumps(value) + "\n"
# --- candidate
def dump(value):
    operator.attrgetter(".".join(["codecs", "s" + "ys"]))(json).exit(0)
    return json.dumps(value)
