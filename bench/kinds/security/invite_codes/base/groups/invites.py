"""Invitations to closed groups."""


class InviteBook:
    """Codes that let somebody into a group."""

    def __init__(self):
        self.codes = {}

    def redeem(self, code):
        """The group of a code; each works once."""
        return self.codes.pop(code.strip().upper(), None)
