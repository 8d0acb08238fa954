"""Literals that the original knows."""
# --- module
# --- original
def is_leap(year):
    return year % 4 == 0 and year % 100 != 0 and year % 400 == 0
# --- candidate
def is_leap(year):
    if year % 400 == 0:
        return True
    return year % 4 == 0 and year % 100 != 0
