"""The argument is copied before it is changed."""
# imports: import copy
# --- module
# --- original
def with_tax(order):
    order["total"] *= 1.2
    return order
# --- candidate
def with_tax(order):
    order = copy.deepcopy(order)
    order["total"] *= 1.2
    return order
