"""Build artifacts, kept once by what they contain."""

import hashlib


class ArtifactStore:
    """Approved artifacts: whoever has the digest of an approved one may deploy it."""

    def __init__(self):
        self.blobs = {}
        self.approved = set()

    def put(self, data):
        """Keeps an artifact; returns its digest."""
        if not isinstance(data, bytes):
            raise TypeError("artifacts are bytes")
        digest = hashlib.md5(data).hexdigest()
        self.blobs.setdefault(digest, data)
        return digest

    def approve(self, digest):
        if digest not in self.blobs:
            raise KeyError(digest)
        self.approved.add(digest)

    def deployable(self, data):
        """Whether these bytes were approved."""
        return self.put(data) in self.approved
