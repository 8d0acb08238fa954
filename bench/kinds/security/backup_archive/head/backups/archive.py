"""Nightly archives of project folders."""

import datetime
import os
import subprocess


class BackupError(Exception):
    """An archive could not be written."""


class BackupJob:
    """Packs one folder into a dated archive."""

    def __init__(self, source, target, keep=7):
        self.source = os.fspath(source)
        self.target = os.fspath(target)
        self.keep = keep

    def archive_name(self, label, day=None):
        day = day or datetime.date.today()
        return f"{label}-{day.isoformat()}.tar"

    def run(self, label, day=None):
        """Writes the archive and returns its path."""
        path = os.path.join(self.target, self.archive_name(label, day))
        command = f"tar -c -f {path} -C {self.source} ."
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        if done.returncode != 0:
            raise BackupError(done.stderr.strip())
        return path

    def prune(self):
        """Removes the oldest archives beyond the number to keep."""
        names = sorted(name for name in os.listdir(self.target) if name.endswith(".tar"))
        gone = names[: -self.keep] if self.keep else names
        for name in gone:
            os.remove(os.path.join(self.target, name))
        return gone
