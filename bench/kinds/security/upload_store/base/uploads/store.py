"""Uploaded files on disk."""

from pathlib import Path


class Refused(ValueError):
    """The name is not acceptable."""


class UploadStore:
    """Files below one folder, by user."""

    def __init__(self, root):
        self.root = Path(root).resolve()

    def folder_of(self, user_id: int) -> Path:
        folder = self.root / str(int(user_id))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def save(self, user_id: int, name: str, data: bytes) -> Path:
        """Writes a file of a user, folders in its name included."""
        folder = self.folder_of(user_id)
        target = (folder / name).resolve()
        if folder not in target.parents:
            raise Refused(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    def names(self, user_id: int):
        folder = self.folder_of(user_id)
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
