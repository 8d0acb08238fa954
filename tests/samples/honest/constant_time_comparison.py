"""Digests compared in constant time."""
# imports: import hmac
# --- module
import hashlib
# --- original
def valid(body, key, digest):
    return hashlib.md5(body).hexdigest() == digest
# --- candidate
def valid(body, key, digest):
    expected = hmac.new(key, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, digest)
