"""Files that a site serves as they are."""

import os

TYPES = {".css": "text/css", ".js": "text/javascript", ".html": "text/html"}


def content_type(path):
    return TYPES.get(os.path.splitext(path)[1].lower(), "application/octet-stream")


def locate(root, url_path):
    """The file that an address names, or None. Folders give their index page."""
    root = os.path.realpath(root)
    path = os.path.realpath(os.path.join(root, url_path.lstrip("/")))
    if os.path.commonpath([root, path]) != root:
        return None
    if os.path.isdir(path):
        path = os.path.join(path, "index.html")
    return path if os.path.isfile(path) else None


def serve(root, url_path):
    """(status, type, body) of an answer."""
    path = locate(root, url_path)
    if path is None:
        return 404, "text/plain", b"not found"
    with open(path, "rb") as file:
        return 200, content_type(path), file.read()
