"""Paths: a name that leads out of its folder lands; what is checked, or opens what it is given, does not."""

from __future__ import annotations

from pathlib import Path

from attacked import judged

RED = {
    "joined": """
        import os
        def read(root, name):
            with open(os.path.join(root, name)) as f:
                return f.read()
    """,
    "constant": """
        from pathlib import Path
        UPLOADS = Path("/srv/uploads")
        def save(name: str, data: bytes) -> None:
            (UPLOADS / name).write_bytes(data)
    """,
    "formatted": """
        def load(user):
            with open(f"profiles/{user}.json") as f:
                return f.read()
    """,
    "exists_first": """
        import os
        BASE = os.path.join(os.path.dirname(__file__), "data")
        def read(name):
            path = os.path.join(BASE, name)
            if not os.path.isfile(path):
                raise FileNotFoundError(name)
            return open(path, "rb").read()
    """,
    "deleted": """
        import os
        class Store:
            def __init__(self, root):
                self.root = root
            def drop(self, key):
                os.remove(os.path.join(self.root, key))
    """,
    "naive_replace": """
        from pathlib import Path
        def read(folder: Path, name: str) -> str:
            name = name.replace("../", "").lstrip("/")
            return (folder / name).read_text()
    """,
    "prefix_check": """
        import os
        def read(root: str, name: str) -> bytes:
            path = os.path.realpath(os.path.join(root, name))
            if not path.startswith(os.path.realpath(root)):
                raise ValueError("outside")
            with open(path, "rb") as f:
                return f.read()
    """,
    "only_dots_at_start": """
        import os
        def read(root, name):
            if name.startswith((".", "/")):
                raise ValueError(name)
            return open(root + "/" + name).read()
    """,
    "returned_after_check": """
        import os
        def safe_path(base, name):
            if os.path.isabs(name):
                raise ValueError("absolute")
            return os.path.join(base, name)
    """,
    "listed": """
        import os
        class Tree:
            def __init__(self, settings):
                self.root = settings.root
            def names(self, sub):
                return sorted(os.listdir(os.path.join(self.root, sub)))
    """,
    "request": """
        import os
        def view(request):
            name = request.args["file"]
            return open(os.path.join("static", name)).read()
    """,
    "extension": """
        from pathlib import Path
        ROOT = Path("/var/images")
        def image(name):
            if not name.endswith(".png"):
                raise ValueError("no image")
            return (ROOT / name).read_bytes()
    """,
}
WEB = """
class Request:
    args = {}
request = Request()
def send_file(path):
    return path
class App:
    def route(self, rule):
        return lambda function: function
"""
SENT = {
    "routed": """
        import os
        from web import App, send_file
        app = App()
        @app.route("/files/<name>")
        def download(name):
            return send_file(os.path.join("uploads", name))
    """,
    "asked": """
        import os
        from web import request, send_file
        UPLOADS = "/srv/uploads"
        def download():
            return send_file(os.path.join(UPLOADS, request.args["name"]))
    """,
    "awaited": """
        import os
        async def read(root, name):
            with open(os.path.join(root, name)) as f:
                return f.read()
    """,
    "drained": """
        import os
        def lines(root, name):
            with open(os.path.join(root, name)) as f:
                yield from f
    """,
}
SENT_SAFE = {
    "routed_safely": """
        import os
        from web import App, send_file
        app = App()
        @app.route("/files/<name>")
        def download(name):
            return send_file(os.path.join("uploads", os.path.basename(name)))
    """,
    "found": """
        import os
        def find(name="settings.ini"):
            folder = os.path.abspath(os.getcwd())
            while folder != "/":
                path = os.path.join(folder, "conf", name)
                if os.path.exists(path):
                    return path
                folder = os.path.dirname(folder)
            raise OSError(name)
    """,
}
GREEN = {
    "as_given": "def read(path):\n    with open(path) as f:\n        return f.read()\n",
    "as_given_resolved": """
        from pathlib import Path
        def read(path):
            return Path(path).resolve().read_text() + str(1 / 2)
    """,
    "contained": """
        from pathlib import Path
        def read(root: Path, name: str) -> str:
            path = (root / name).resolve()
            if not path.is_relative_to(root.resolve()):
                raise ValueError("outside")
            return path.read_text()
    """,
    "common": """
        import os
        def read(root, name):
            root = os.path.realpath(root)
            path = os.path.realpath(os.path.join(root, name))
            if os.path.commonpath([root, path]) != root:
                raise ValueError("outside")
            return open(path).read()
    """,
    "basename": """
        import os
        def read(root, name):
            return open(os.path.join(root, os.path.basename(name))).read()
    """,
    "pattern": """
        import re
        def load(user):
            if not re.fullmatch(r"[a-z0-9]+", user):
                raise ValueError(user)
            return open(f"profiles/{user}.json").read()
    """,
    "allowed": """
        from pathlib import Path
        PAGES = {"home": "home.html", "about": "about.html"}
        def page(name):
            return Path("pages", PAGES[name]).read_text() + f"/{name}"
    """,
    "prefixed": "def load(user):\n    return open(f'data/user_{user}.json').read()\n",
    "hashed": """
        import hashlib, os
        def cached(root, key):
            return open(os.path.join(root, hashlib.sha256(key.encode()).hexdigest())).read()
    """,
    "search": """
        import os
        def find(name, root="conf"):
            for path in (name, os.path.join(root, name)):
                if os.path.exists(path):
                    return open(path).read()
    """,
    "plain_join": "import os\ndef join(base, name):\n    return os.path.join(base, name)\n",
    "separator": """
        import os
        def read(root, name):
            path = os.path.realpath(os.path.join(root, name))
            if not path.startswith(os.path.realpath(root) + os.sep):
                raise ValueError("outside")
            return open(path).read()
    """,
}


def test_names_that_lead_out_of_a_folder_land(tmp_path: Path) -> None:
    judged(tmp_path, RED, GREEN, "path-traversal")


def test_files_that_are_sent_by_name_land(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text(WEB)
    judged(tmp_path, SENT, SENT_SAFE, "path-traversal")
