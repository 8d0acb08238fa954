"""The repository has a module called types."""
# --- module
from .types import Price
from shop import types
# --- original
def price(value):
    return value
# --- candidate
def price(value):
    return Price(types.checked(value))
