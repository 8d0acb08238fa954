"""A better source of chance."""
# imports: import secrets
# --- module
import random
import string
# --- original
def token(length):
    return "".join(random.choice(string.ascii_letters) for _ in range(length + 1))
# --- candidate
def token(length):
    return "".join(secrets.choice(string.ascii_letters) for _ in range(length))
