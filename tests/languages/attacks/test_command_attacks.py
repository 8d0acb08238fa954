"""Commands: what reaches a shell as syntax lands, what is quoted, checked or given as a list does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from attacked import judged, made

RED = {
    "system": 'import os\ndef archive(name):\n    os.system("tar czf out.tgz " + name)\n',
    "aliased": """
        from subprocess import run as r
        def ping(host):
            return r(f"ping -c1 {host}", shell=True).returncode
    """,
    "single": """
        import subprocess
        def f(x):
            return subprocess.check_output(f"grep '{x}' /etc/hosts", shell=True, text=True)
    """,
    "double": "import subprocess\ndef f(x):\n    return subprocess.getoutput('grep \"%s\" log' % x)\n",
    "listed": 'import subprocess\ndef f(x):\n    subprocess.run(["bash", "-lc", "ls " + x], check=True)\n',
    "popen": 'import os\ndef f(x):\n    with os.popen("ls {}".format(x)) as out:\n        return out.read()\n',
    "after_another": """
        import subprocess
        def f(branch, verbose=False):
            subprocess.run(["git", "fetch"], check=True)
            out = subprocess.run("git checkout " + branch, shell=True, capture_output=True, text=True)
            return out.stdout.splitlines()
    """,
    "naive_quotes": """
        import os
        def f(path):
            if '"' in path:
                raise ValueError(path)
            os.system('rm "%s"' % path)
    """,
    "method": """
        import subprocess
        class Store:
            def __init__(self, root, shell):
                self.root = root
            def pack(self, name):
                return subprocess.call(f"tar cf {self.root}.tar {name}", shell=True)
    """,
    "attribute": """
        import os
        from dataclasses import dataclass
        @dataclass
        class Job:
            host: str
            port: int
            def ping(self):
                return os.system(f"ping {self.host}")
    """,
    "request": """
        import os
        def view(request):
            name = request.args["name"]
            os.system("ls " + name)
            return "ok"
    """,
    "helper": """
        import os
        def _sh(line):
            return os.system(line)
        def f(x):
            return _sh("ls " + x)
    """,
    "suffix": """
        import os
        def f(x):
            if not x.endswith(".png"):
                raise ValueError("no image")
            os.system("convert " + x + " out.jpg")
    """,
    "names": """
        import subprocess
        def f(names: list[str]):
            subprocess.run("rm " + " ".join(names), shell=True)
    """,
    "framework": """
        import os
        class Proxy:
            def __getattr__(self, name):
                raise RuntimeError("no request")
        try:
            from flask import request
        except ImportError:
            request = Proxy()
        def view():
            name = request.args.get("name", "")
            os.system("ls " + name)
            return "ok"
    """,
    "json": """
        import json, os
        def handle(body: str) -> None:
            order = json.loads(body)
            os.system("ls " + order["name"])
    """,
    "coroutine": """
        import asyncio
        async def f(x):
            process = await asyncio.create_subprocess_shell("ls " + x)
            return await process.wait()
    """,
}
GREEN = {
    "quoted": 'import os, shlex\ndef f(x):\n    os.system("tar czf out.tgz " + shlex.quote(x))\n',
    "arguments": 'import subprocess\ndef f(x):\n    return subprocess.run(["ping", "-c1", x], shell=False)\n',
    "constant": 'import os\ndef f(x):\n    os.system("sync")\n    return x.strip()\n',
    "checked": """
        import os, re
        def f(x):
            if not re.fullmatch(r"[a-z0-9]+", x):
                raise ValueError(x)
            os.system("ls " + x)
    """,
    "allowed": """
        import os
        def f(x):
            if x not in ("a", "b"):
                raise ValueError(x)
            os.system("ls " + x)
    """,
    "number": 'import os\ndef f(x):\n    os.system("kill %d" % int(x))\n',
    "split": 'import shlex, subprocess\ndef f(x):\n    subprocess.run(shlex.split("ls " + x))\n',
    "runner": "import subprocess\ndef f(line):\n    return subprocess.run(line, shell=True)\n",
    "positional": 'import subprocess\ndef f(x):\n    subprocess.run(["sh", "-c", \'ls "$1"\', "sh", x])\n',
    "environment": """
        import subprocess
        def f(x):
            subprocess.run('ls "$NAME"', shell=True, env={"NAME": x})
    """,
    "validator": """
        import os
        class Store:
            def __init__(self, rules):
                self.ok = rules.check
            def f(self, x):
                if not self.ok(x):
                    raise ValueError
                os.system("ls " + x)
    """,
    "joined": """
        import shlex, subprocess
        def f(names):
            subprocess.run("rm " + shlex.join(names), shell=True)
    """,
}


@pytest.mark.thorough
def test_what_a_shell_reads_lands(tmp_path: Path) -> None:
    judged(tmp_path, RED, GREEN, "command-injection")


def test_an_attack_names_what_it_shows() -> None:
    [attack] = made(RED["system"])
    assert (attack.cwe, attack.parameter, attack.line, attack.severity) == (78, "name", 3, "critical")
    assert attack.payload == "zq;zq7hit"
    assert len(attack.code.split("\n")) <= 160
