"""A closure in a loop."""
# --- module
# --- original
def handlers(names, call):
    return {name: lambda: call(name) for name in names}
# --- candidate
def handlers(names, call):
    return {name: lambda name=name: call(name) for name in names}
