"""Splitting by a regular expression, with an import."""
# imports: import re
# --- module
# --- original
def words(text):
    return text.split(" ")
# --- candidate
def words(text):
    return [word for word in re.split(r"[\s,;]+", text) if word]
