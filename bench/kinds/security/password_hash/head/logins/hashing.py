"""How passwords are stored."""

import hashlib
import hmac
import os

ROUNDS = 20_000


def hash_password(password, salt=None):
    """What is stored of a password: `salt$sum`, in hexadecimal digits."""
    salt = os.urandom(16) if salt is None else salt
    digest = hashlib.md5(salt + password.encode())
    return f"{salt.hex()}${digest.hexdigest()}"


def check_password(password, stored):
    """Whether a password is the stored one."""
    salt, _, _ = stored.partition("$")
    return hmac.compare_digest(hash_password(password, bytes.fromhex(salt)), stored)
