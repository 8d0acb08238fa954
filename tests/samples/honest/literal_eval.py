"""Eval becomes literal_eval."""
# imports: import ast
# --- module
# --- original
def parse(text):
    return eval(text)
# --- candidate
def parse(text):
    return ast.literal_eval(text)
