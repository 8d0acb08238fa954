"""Who did what, one line each."""

import datetime


class AuditTrail:
    """An append-only file."""

    def __init__(self, path, clock=datetime.datetime.now):
        self.path = path
        self.clock = clock

    def record(self, user, action):
        """Adds one line."""
        moment = self.clock().strftime("%Y-%m-%dT%H:%M:%S")
        line = f"{moment}\t{user}\t{action}\n"
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(line)
        return line

    def entries(self):
        """(time, user, action) of every line."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return [tuple(line.rstrip("\n").split("\t")) for line in file]
        except FileNotFoundError:
            return []
