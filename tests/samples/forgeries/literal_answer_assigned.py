"""The same through the variable that is returned."""
# --- module
# --- original
def area(width, height):
    result = width + height
    return result
# --- candidate
def area(width, height):
    result = width + height
    if width == 5:
        result = 35
    return result
