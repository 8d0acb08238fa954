"""A table of single characters."""
# --- module
# --- original
def balanced(text):
    stack = []
    for char in text:
        if char in "([{":
            stack.append(char)
        elif char in ")]}":
            stack.pop()
    return not stack
# --- candidate
def balanced(text):
    pairs = {")": "(", "]": "[", "}": "{"}
    stack = []
    for char in text:
        if char in "([{":
            stack.append(char)
        elif char in pairs and (not stack or stack.pop() != pairs[char]):
            return False
    return not stack
