"""Secrets: predictable ones, quick digests, comparisons that tell, and tokens that are believed."""

from __future__ import annotations

from pathlib import Path

from attacked import judged

PREDICTABLE = {
    "choices": """
        import random, string
        def make_token(length=32):
            return "".join(random.choices(string.ascii_letters, k=length))
    """,
    "number": "from random import randint\ndef new_otp():\n    return randint(100000, 999999)\n",
    "hashed": """
        import hashlib, random
        def session_id(user):
            return hashlib.sha256(f"{user}{random.random()}".encode()).hexdigest()
    """,
    "method": """
        import random
        class Users:
            def __init__(self, db):
                self.db = db
            def reset_password(self, name):
                return "%08x" % random.getrandbits(32)
    """,
}
PREDICTABLE_SAFE = {
    "secrets": "import random, secrets\ndef make_token():\n    random.random()\n    return secrets.token_hex()\n",
    "system": """
        import random
        def make_password(length=12):
            return "".join(random.SystemRandom().choice("abcdef0123456789") for _ in range(length))
    """,
    "no_secret": "import random\ndef pick_color(names='rgb'):\n    return random.choice(names) * 10\n",
    "jitter": "import random\ndef token_refresh_delay(base):\n    return random.uniform(0, 1)\n",
    "mixed": """
        import os, random
        def nonce():
            return os.urandom(8).hex() + str(random.random())
    """,
}
DIGESTS = {
    "md5": "import hashlib\ndef hash_password(pw):\n    return hashlib.md5(pw.encode()).hexdigest()\n",
    "salted": """
        import hashlib, os
        def store(user, password):
            salt = os.urandom(8)
            return {"user": user, "salt": salt, "hash": hashlib.sha256(salt + password.encode()).hexdigest()}
    """,
    "checked": """
        from hashlib import sha1
        def check_password(password, stored):
            return sha1(password.encode()).hexdigest() == stored
    """,
    "named": "import hashlib\ndef keep(password):\n    return hashlib.new('sha512', password.encode()).digest()\n",
}
DIGESTS["kept"] = """
    import hashlib
    class User:
        def set_password(self, password):
            self.password_hash = hashlib.md5(password.encode()).hexdigest()
"""
DIGESTS_SAFE = {
    "pbkdf2": """
        import hashlib, os
        def hash_password(password):
            salt = os.urandom(16)
            return salt + hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1000)
    """,
    "rounds": """
        import hashlib
        def hash_password(password):
            digest = b""
            for _ in range(1000):
                digest = hashlib.sha256(digest + password.encode()).digest()
            return digest
    """,
    "checksum": "import hashlib\ndef checksum(data: bytes):\n    return hashlib.md5(data).hexdigest()\n",
    "breached": """
        import hashlib
        def breached_prefix(password):
            return hashlib.sha1(password.encode()).hexdigest()[:5]
    """,
    "not_for_that": """
        import hashlib
        def token_key(token):
            return hashlib.md5(token.encode(), usedforsecurity=False).hexdigest()
    """,
    "first_then_slow": """
        import base64, hashlib
        def hash_password(password):
            first = base64.b64encode(hashlib.sha256(password.encode()).digest())
            return hashlib.scrypt(first, salt=b"zqzqzqzq", n=2, r=8, p=1)
    """,
}
SIGNED = {
    "prefix": """
        import hashlib
        KEY = "k"
        def sign(text):
            return text + "." + hashlib.md5((KEY + text).encode()).hexdigest()
    """,
}
COMPARED = {
    "hmac": """
        import hashlib, hmac
        def verify(body: bytes, signature: str) -> bool:
            expected = hmac.new(b"key", body, hashlib.sha256).hexdigest()
            return signature == expected
    """,
    "token": """
        import os
        ADMIN_TOKEN = os.environ.get("ADMIN_TOKEN", "not-set-at-all")
        def is_authorized(token):
            if token != ADMIN_TOKEN:
                raise PermissionError
            return True
        def check_auth(token):
            return token.strip() == ADMIN_TOKEN
    """,
    "self_held": """
        class Hook:
            def __init__(self, secret):
                self.secret = secret
            def check_secret(self, secret):
                return self.secret == secret or len(secret) == 4000
    """,
}
COMPARED_SAFE = {
    "constant_time": """
        import hashlib, hmac
        def verify(body: bytes, signature: str) -> bool:
            return hmac.compare_digest(signature, hmac.new(b"key", body, hashlib.sha256).hexdigest())
    """,
    "twice": "def check_password(password, password_again):\n    return password == password_again\n",
    "empty": "def check_token(token):\n    return token == '' or token is None\n",
    "lexed": "def expect(token, wanted):\n    return token == wanted\n",
    "file": "def verify_checksum(data, digest, wanted):\n    return digest == wanted\n",
}
TOKENS = {
    "off": """
        import jwt
        def user_of(token):
            return jwt.decode(token, options={"verify_signature": False})["sub"]
    """,
    "switch": """
        import jwt
        def load(token, verify=False):
            return jwt.decode(token, "key" * 20, algorithms=["HS256"], options={"verify_signature": verify})
    """,
    "header": """
        import jwt
        def current_user(request):
            token = request.headers["Authorization"]
            claims = jwt.decode(token, options={"verify_signature": False})
            return claims.get("user_id")
    """,
}
TOKENS_SAFE = {
    "checked": """
        import jwt
        def user_of(token):
            return jwt.decode(token, "key" * 20, algorithms=["HS256"])["sub"]
    """,
    "then_checked": """
        import jwt
        KEYS = {"zq7hit": "key" * 20}
        def user_of(token):
            issuer = jwt.decode(token, options={"verify_signature": False})["sub"]
            return jwt.decode(token, KEYS[issuer], algorithms=["HS256"])["sub"]
    """,
    "peek": """
        import jwt
        def unverified_claims(token):
            return jwt.decode(token, options={"verify_signature": False})
    """,
}


def test_secrets_that_a_seed_makes_again_land(tmp_path: Path) -> None:
    judged(tmp_path, PREDICTABLE, PREDICTABLE_SAFE, "predictable-secret")


def test_quick_digests_of_passwords_land(tmp_path: Path) -> None:
    judged(tmp_path, DIGESTS, DIGESTS_SAFE, "weak-password-hash")


def test_broken_digests_as_signatures_land(tmp_path: Path) -> None:
    judged(tmp_path, SIGNED, {}, "weak-hash")


def test_comparisons_that_end_early_land(tmp_path: Path) -> None:
    judged(tmp_path, COMPARED, COMPARED_SAFE, "timing-of-comparison")


def test_forged_tokens_that_are_believed_land(tmp_path: Path) -> None:
    judged(tmp_path, TOKENS, TOKENS_SAFE, "unverified-token")
