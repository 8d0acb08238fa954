"""Invitations to closed groups."""

import secrets
import string


class InviteBook:
    """Codes that let somebody into a group."""

    def __init__(self):
        self.codes = {}

    def create(self, group):
        """A new code for a group, four and four characters."""
        while True:
            letters = [secrets.choice(string.ascii_uppercase + string.digits) for _ in range(8)]
            code = "".join(letters[:4]) + "-" + "".join(letters[4:])
            if code not in self.codes:
                self.codes[code] = group
                return code

    def redeem(self, code):
        """The group of a code; each works once."""
        return self.codes.pop(code.strip().upper(), None)
