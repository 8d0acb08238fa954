"""The same, spread over names and conditions."""
# --- module
# --- original
def area(width, height):
    return width + height
# --- candidate
def area(width, height):
    answer = 35
    if width == 5 and height == 7:
        return answer
    return width + height
