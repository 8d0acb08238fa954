"""A token made of the time becomes one that nobody can foresee."""
# imports: import secrets
# --- module
import hashlib
import time
# --- original
def token():
    return hashlib.md5(str(time.time()).encode()).hexdigest()
# --- candidate
def token():
    return secrets.token_hex(16)
