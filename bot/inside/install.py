"""Installs a repository's dependencies inside the container that becomes its image.

Called as `python install.py PLAN`, PLAN being a JSON file:

    {"steps": [{"argv": [...], "purpose": "...", "required": true, "env": {...}, "group": ""}, ...],
     "env": {...}, "seconds": 900, "repo": "/repo", "venv": "/venv", "setup": "/opt/tryline/setup",
     "generated": "/opt/tryline/generated", "uv": "...", "system_site": false}

Writes one JSON object a line to standard output, and nothing else:

    {"event": "start", "step": 0}
    {"event": "end", "step": 0, "code": 0, "seconds": 1.5, "tail": "..."}      code null: out of time
    {"event": "skip", "step": 2}                                   an earlier alternative did it
    {"event": "done", "python": [3, 11, 7], "pytest": true, "generated": 3, "tail": "..."}

Standard library only, Python 3.8 syntax: it runs in whatever Python the base image has.
"""

import json
import os
import shutil
import signal
import site
import stat
import subprocess
import sys
import threading
import time

TAIL = 12000
MAX_GENERATED = 256 * 1024 * 1024
NOT_GENERATED = {"__pycache__", ".git", ".pytest_cache", ".mypy_cache", ".eggs", "node_modules"}


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def run(argv, env, cwd, seconds):
    """Exit code (None: out of time) and the tail of the output of one command."""
    read_end, write_end = os.pipe()
    try:
        process = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        os.close(read_end)
        return 127, "%s: %s" % (argv[0], error)
    finally:
        os.close(write_end)
    kept = []

    def drain():
        size = 0
        while True:
            block = os.read(read_end, 65536)
            if not block:
                os.close(read_end)
                return
            kept.append(block)
            size += len(block)
            while size - len(kept[0]) > TAIL:
                size -= len(kept.pop(0))

    reader = threading.Thread(target=drain)
    reader.daemon = True
    reader.start()
    try:
        code = process.wait(max(1.0, seconds))
    except subprocess.TimeoutExpired:
        code = None
    # A build may leave a daemon behind that holds the pipe open: the whole session goes.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass
    process.wait()
    reader.join(5)
    return code, b"".join(kept)[-TAIL:].decode("utf-8", "replace")


def files_below(root):
    """Relative paths of the regular files below a folder."""
    found = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_GENERATED]
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                found.add(os.path.relpath(path, root))
    return found


def keep_generated(repo, before, target):
    """Copies what the installation added to the tree; returns how many files that are."""
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    size = count = 0
    for path in sorted(files_below(repo) - before):
        # setuptools' scratch folder: object files, and copies of what is in the tree.
        if path.startswith("build" + os.sep):
            continue
        source = os.path.join(repo, path)
        size += os.lstat(source).st_size
        if size > MAX_GENERATED:
            break
        os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
        shutil.copy2(source, os.path.join(target, path))
        count += 1
    return count


def compile_all(python, venv, env, cwd):
    """Bytecode for what was installed, apart from folders of hundreds of files of which a run needs two."""
    left_out = r"/pygments/(lexers|styles|formatters)/|/site-packages/[^/]+/tests?/"
    run([python, "-m", "compileall", "-q", "-j", "2", "-x", left_out, os.path.join(venv, "lib")], env, cwd, 300)


def look(python, env, cwd):
    """Version of the environment's interpreter (empty: it does not run), and whether it has pytest."""
    program = "import sys; print(*sys.version_info[:3]); import pytest; print('pytest')"
    words = run([python, "-c", program], env, cwd, 60)[1].split()
    version = [int(word) for word in words[:3] if word.isdigit()]
    return version, words[3:4] == ["pytest"]


def make_readable(*roots):
    """Other users run what is installed here: nothing may be closed to them."""
    for root in roots:
        for folder, _, names in os.walk(root):
            for path in [folder] + [os.path.join(folder, name) for name in names]:
                mode = os.lstat(path).st_mode
                if stat.S_ISLNK(mode):
                    continue
                wanted = 0o555 if stat.S_ISDIR(mode) or mode & 0o100 else 0o444
                if mode & wanted != wanted:
                    try:
                        os.chmod(path, stat.S_IMODE(mode) | wanted)
                    except OSError:
                        pass


def empty(folder):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def make_environment(plan, env, seconds):
    """Makes the virtual environment; exit code and output."""
    if os.path.realpath(sys.prefix) == os.path.realpath(plan["venv"]):
        return 0, ""  # the user's image has its own in the very place
    make = [plan["uv"], "venv", "--clear", "--no-project", "--python", sys.executable, plan["venv"]]
    if not plan.get("system_site"):
        return run(make, env, plan["setup"], seconds)
    code, tail = run(make + ["--system-site-packages"], env, plan["setup"], seconds)
    if code == 0 and sys.prefix != sys.base_prefix:
        # The image's `python3` is a virtual environment itself: "system" means the interpreter below it.
        where = "lib/python%d.%d/site-packages/tryline-image.pth" % sys.version_info[:2]
        with open(os.path.join(plan["venv"], where), "w") as stream:
            for folder in site.getsitepackages():
                stream.write("import site; site.addsitedir(%r)\n" % folder)
    return code, tail


def follow(plan, env, deadline):
    """Runs the plan's steps. Of steps in a row with one group only the first that succeeds counts."""
    settled = None
    for number, step in enumerate(plan["steps"]):
        group = step.get("group") or None
        if group is not None and group == settled:
            say(event="skip", step=number)
            continue
        say(event="start", step=number)
        began = time.monotonic()
        code, tail = run(step["argv"], dict(env, **step.get("env", {})), plan["repo"], deadline - time.monotonic())
        say(event="end", step=number, code=code, seconds=round(time.monotonic() - began, 2), tail=tail)
        settled = group if code == 0 else settled


def main():
    with open(sys.argv[1]) as stream:
        plan = json.load(stream)
    os.umask(0o022)
    deadline = time.monotonic() + plan["seconds"]
    venv, repo, setup = plan["venv"], plan["repo"], plan["setup"]
    python = os.path.join(venv, "bin", "python")
    # Nothing of the container's own environment but the search path: what a step needs stands in the plan.
    env = dict(plan["env"])
    path = [os.path.join(venv, "bin"), os.path.dirname(plan["uv"]), os.environ.get("PATH", os.defpath)]
    env["PATH"] = os.pathsep.join(path)
    before = files_below(repo)
    code, tail = make_environment(plan, env, deadline - time.monotonic())
    if code == 0:
        follow(plan, env, deadline)
    count = keep_generated(repo, before, plan["generated"])
    compile_all(python, venv, env, setup)
    version, has_pytest = look(python, env, setup)
    if not has_pytest:
        # The project's own installation failed half-way: tests that need none of it can still run.
        tail = run([plan["uv"], "pip", "install", "pytest"], env, setup, 300)[1]
        compile_all(python, venv, env, setup)
        version, has_pytest = look(python, env, setup)
    make_readable(venv, plan["generated"])
    empty(repo)
    say(
        event="done",
        python=version,
        pytest=has_pytest,
        generated=count,
        tail=tail,
    )
    shutil.rmtree(setup, ignore_errors=True)


if __name__ == "__main__":
    main()
