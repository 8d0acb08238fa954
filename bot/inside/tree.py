"""The repository's files inside: unpacked root-owned, so that repository code may add files and change none."""

import base64
import io
import os
import stat
import tarfile

REPO = "/repo"
GENERATED = "/opt/tryline/generated"


def extract(data):
    """Unpacks the host's archive into /repo, owned by root: repository code may add files, not change them.

    Directories are world-writable and sticky: a process of another user can create files beside ours, but can
    neither edit, rename nor remove a file of the tree (test files, conftest, sources).
    """
    count = 0
    made = {REPO}
    os.chmod(REPO, 0o1777)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            path = inside(member.name)
            if path is None:
                continue
            make_directory(os.path.dirname(path), made)
            if member.isdir():
                make_directory(path, made)
            elif member.issym():
                replace(path, lambda p, m=member: os.symlink(m.linkname, p))
            elif member.isreg():
                body = archive.extractfile(member).read()
                write(path, body, 0o755 if member.mode & 0o111 else 0o644)
                count += 1
    if os.path.isdir(GENERATED):
        overlay(made)
    return count


def overlay(made):
    """Adds what the installation generated (version files, metadata, extensions) where the tree has nothing."""
    for folder, _, names in os.walk(GENERATED):
        relative = os.path.relpath(folder, GENERATED)
        for name in names:
            source = os.path.join(folder, name)
            target = os.path.normpath(os.path.join(REPO, relative, name))
            if os.path.lexists(target) or os.path.islink(source):
                continue
            make_directory(os.path.dirname(target), made)
            with open(source, "rb") as stream:
                write(target, stream.read(), 0o755 if os.access(source, os.X_OK) else 0o644)


def inside(name):
    """Absolute path below /repo for an archive's or a job's relative path; None if it would leave it."""
    path = os.path.normpath(os.path.join(REPO, name))
    return path if path == REPO or path.startswith(REPO + "/") else None


def straight(path):
    """Whether no folder on the way to a path is a link: repository code may have made some."""
    folder = os.path.dirname(path)
    return os.path.realpath(folder) == folder


def make_directory(path, made):
    """Makes a folder of the tree, and those above it. Raises OSError when one of them is a link."""
    if path in made:
        return
    make_directory(os.path.dirname(path), made)
    if os.path.islink(path):
        raise OSError("%s is a link, not a folder" % path)
    if not os.path.isdir(path):
        os.mkdir(path)
    os.chmod(path, 0o1777)
    made.add(path)


def replace(path, create):
    if os.path.lexists(path) and not os.path.isdir(path):
        os.unlink(path)
    create(path)


def write(path, body, mode):
    def create(target):
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            view = memoryview(body)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)
        os.chmod(target, mode)

    replace(path, create)


def put(job):
    """Replaces files of the tree: {path: base64}. Root-owned, so repository code cannot change them after."""
    made = {REPO}
    for name, encoded in job["files"].items():
        path = inside(name)
        if path is None or os.path.islink(path) or not straight(path):
            return {"error": "path outside the repository: %s" % name}
        mode = 0o755 if os.path.exists(path) and os.stat(path).st_mode & 0o111 else 0o644
        if job.get("writable"):  # a copy that a formatter is to change, never a file of the tree
            mode = 0o666
        make_directory(os.path.dirname(path), made)
        write(path, base64.b64decode(encoded), mode)
    return {"ok": True}


def get(job):
    """One regular file's content as base64, at most `limit` bytes."""
    path = inside(job["path"])
    limit = job.get("limit", 1 << 20)
    if path is None or not straight(path):
        return {"error": "no such file"}
    try:
        # Another process may swap the file meanwhile: what was opened is what is looked at.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {"error": "no such file"}
    with open(fd, "rb") as stream:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return {"error": "no such file"}
        data = stream.read(limit + 1)
    if len(data) > limit:
        return {"error": "file too large"}
    content = base64.b64encode(data).decode()
    if job.get("remove"):
        os.unlink(path)
    return {"content": content}
