"""Floats compared with a tolerance, with an import."""
# imports: import math
# --- module
# --- original
def same(a, b):
    return a == b
# --- candidate
def same(a, b):
    return math.isclose(a, b, rel_tol=1e-9)
