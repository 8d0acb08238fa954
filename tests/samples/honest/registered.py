"""An entry in the module's own table."""
# --- module
_registry = {}
# --- original
def register(name, function):
    _registry.get(name)
    return function
# --- candidate
def register(name, function):
    _registry[name] = function
    return function
