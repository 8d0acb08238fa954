"""Files: names that others can foresee, modes that let everybody write, lines of a log that an argument wrote."""

from __future__ import annotations

from pathlib import Path

from attacked import judged

TEMPORARY = {
    "mktemp": """
        import tempfile
        def save(data: bytes):
            path = tempfile.mktemp(suffix=".bin")
            with open(path, "wb") as f:
                f.write(data)
            return path
    """,
    "predictable": """
        import os, tempfile
        def cache(text="zq"):
            path = os.path.join(tempfile.gettempdir(), "tryline-sample-cache.txt")
            with open(path, "w") as f:
                f.write(text)
    """,
    "literal": """
        def report(lines):
            with open("/tmp/tryline-sample-report-zq7.txt", "a") as f:
                f.write("all is well")
    """,
    "constant": """
        from pathlib import Path
        LOCK = "/tmp/tryline-sample-lock-zq7"
        class Worker:
            def start(self):
                Path(LOCK).write_text("1")
    """,
}
TEMPORARY_SAFE = {
    "named": """
        import tempfile
        def save(data: bytes):
            with tempfile.NamedTemporaryFile(dir=tempfile.gettempdir(), delete=False) as f:
                f.write(data)
            return f.name
    """,
    "own_folder": """
        import os, tempfile
        def save(text="zq"):
            folder = tempfile.mkdtemp(dir=tempfile.gettempdir())
            with open(os.path.join(folder, "out.txt"), "w") as f:
                f.write(text)
    """,
    "exclusive": """
        import os
        def lock():
            with open("/tmp/tryline-sample-exclusive-zq7", "x") as f:
                f.write("1")
            os.unlink("/tmp/tryline-sample-exclusive-zq7")
    """,
    "reads": """
        import os, tempfile
        def load():
            with open(os.path.join(tempfile.gettempdir(), "tryline-sample.txt")) as f:
                return f.read()
    """,
}
MODES = {
    "all": "import os\ndef share(path):\n    os.chmod(path, 0o777)\n",
    "named": """
        import os, stat
        from pathlib import Path
        def share(path: Path) -> None:
            path.chmod(path.stat().st_mode | stat.S_IWOTH)
    """,
    "mask": """
        import os
        def make(folder):
            old = os.umask(0)
            os.makedirs(os.path.join(folder, "spool"), 0o777)
            os.umask(old)
    """,
    "created": """
        import os
        def write(path, text):
            fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o666)
            with os.fdopen(fd, "w") as f:
                f.write(text)
            os.chmod(path, 0o666)
    """,
}
MODES_SAFE = {
    "own": "import os\ndef keep(path):\n    os.chmod(path, 0o600)\n",
    "under_mask": "import os\ndef make(folder):\n    os.makedirs(os.path.join(folder, 'zq'), mode=0o777)\n",
    "sticky": "import os\ndef spool(folder):\n    os.chmod(folder, 0o1777)\n",
    "executable": """
        import os, stat
        def executable(path):
            os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    """,
    "careful_mask": "import os\ndef quiet():\n    os.umask(0o077)\n    os.umask(0o022)\n",
}
LINES = {
    "appended": """
        def log_login(user):
            with open("audit.log", "a") as log:
                log.write(f"login {user}\\n")
    """,
    "held": """
        class Audit:
            def __init__(self, log):
                self.log = log
            def note(self, who, what):
                self.log.write(who + ": " + what + "\\n")
    """,
    "filtered": """
        from pathlib import Path
        def audit(folder: Path, name: str) -> None:
            with (folder / "audit.txt").open("a") as f:
                f.write("seen " + name.strip() + "\\n")
    """,
}
LINES_SAFE = {
    "json": """
        import json
        def log_login(user):
            with open("audit.log", "a") as log:
                log.write(json.dumps({"user": user}) + "\\n")
    """,
    "shown": """
        def log_login(user):
            with open("audit.log", "a") as log:
                log.write(f"login {user!r}\\n")
    """,
    "logging": "import logging\ndef f(user):\n    logging.getLogger('x').info('login %s', user)\n",
    "no_log": "def save(name):\n    with open('out.txt', 'w') as f:\n        f.write(f'name {name}\\n')\n",
}


def test_names_that_others_can_foresee_land(tmp_path: Path) -> None:
    try:
        judged(tmp_path, TEMPORARY, TEMPORARY_SAFE, "temporary-file")
    finally:
        for path in Path("/tmp").glob("tryline-sample-*"):
            path.unlink()


def test_modes_that_let_everybody_write_land(tmp_path: Path) -> None:
    judged(tmp_path, MODES, MODES_SAFE, "world-writable")


def test_lines_of_a_log_that_an_argument_writes_land(tmp_path: Path) -> None:
    judged(tmp_path, LINES, LINES_SAFE, "log-injection")
