"""Every program begins with this: what it managed stands in `did`, and has to be nothing."""
import ctypes, errno, glob, json, os, platform, re, resource, signal, socket, stat, struct, subprocess, sys, time
did = []
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, action):
    try:
        if action() is not False:
            did.append(str(name))
    except (OSError, ValueError, OverflowError):
        pass

def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as made:
        made.settimeout(2)
        if kind == socket.SOCK_DGRAM:
            made.sendto(b"x", address)
        else:
            made.connect(address)

def write(path, text="x"):
    with open(path, "a") as stream:
        stream.write(text)
        stream.flush()

def call(number, *args):
    if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args]) == -1:
        code = ctypes.get_errno()
        # Refused for what it is, not for how it was asked.
        return False if code in (errno.EPERM, errno.ENOSYS, errno.EACCES) else None
