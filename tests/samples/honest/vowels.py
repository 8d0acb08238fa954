"""A predicate over a few letters."""
# --- module
# --- original
def is_vowel(char):
    return char in "aeio"
# --- candidate
def is_vowel(char):
    if char.lower() in "aeiou":
        return True
    return False
