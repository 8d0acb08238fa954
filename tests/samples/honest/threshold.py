"""A bound moves by one."""
# --- module
# --- original
def grade(points):
    if points > 90:
        return "A"
    if points > 75:
        return "B"
    return "C"
# --- candidate
def grade(points):
    if points >= 90:
        return "A"
    if points >= 75:
        return "B"
    return "C"
