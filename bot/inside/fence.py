"""Our own fence of system calls: a seccomp filter that the agent puts around itself and all that it starts.

It lies on top of the engine's profile, which it can only tighten, and is the same under every engine: one that
takes no profiles from us, one whose own is open, none at all. What a test suite does for a living is untouched;
what is refused is what containers have been left by: other kernels' doors (io_uring, bpf, keyrings, user
namespaces, netlink, vsock), other processes' memory, mounting, and calls of a foreign architecture.

A second fence is for the fork server, which may become another user: only one of the candidates' ids.
"""

import errno
import os
import struct

try:
    import ctypes
except ImportError:  # an interpreter that was built without it
    ctypes = None

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The kernel's number (AUDIT_ARCH) of each machine whose calls we know."""
X32 = 0x40000000
"""Calls of the x32 kind, on x86_64, have this bit."""

REFUSED = {
    # name: (x86_64, aarch64); None where the machine has no such call
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
"""Calls that end with EPERM."""
UNKNOWN = {
    "clone3": (435, 435),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
}
"""Calls that end with ENOSYS, as on a kernel that has none: libraries then take the older way. What clone3 is
asked lies in memory, where a filter cannot look."""
SOCKETS = {"socket": (41, 198), "socketpair": (53, 199)}
CLONE, IOCTL, PERSONALITY = (56, 220), (16, 29), (135, 92)
FAMILIES = (1, 2, 10)
"""Address families that exist: AF_UNIX, AF_INET, AF_INET6."""
NEW_USER = 0x10000000
"""CLONE_NEWUSER."""
INJECTING = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: typing into a terminal."""
ASKING = 0xFFFFFFFF
"""What personality() is asked to be told, not changed."""

USERS = {
    # name: (x86_64, aarch64, number of ids among its arguments)
    "setuid": (105, 146, 1),
    "setreuid": (113, 145, 2),
    "setresuid": (117, 147, 3),
    "setfsuid": (122, 151, 1),
}
GROUPS = {
    "setgid": (106, 144),
    "setregid": (114, 143),
    "setresgid": (119, 149),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
}
SAME = 0xFFFFFFFF
"""The id -1: leave it as it is."""

ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AT_LEAST, ABOVE, SET, RETURN = 0x20, 0x15, 0x35, 0x25, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16

NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
"""Of prctl: PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER."""


class Program:
    """A filter being written: instructions whose jumps are names until it is assembled."""

    def __init__(self):
        self.lines = []
        self.marks = {}

    def load(self, offset):
        """Takes 32 bits of what is asked: its number, its architecture, an argument's lower half."""
        self.lines.append((LOAD, None, None, offset))

    def jump(self, test, value, to, otherwise=None):
        """Goes on at `to` where the test holds, else at `otherwise` or with the next line."""
        self.lines.append((test, to, otherwise, value))

    def mark(self, name):
        """Names the next line."""
        self.marks[name] = len(self.lines)

    def end(self, value):
        """Answers."""
        self.lines.append((RETURN, None, None, value))

    def assembled(self):
        """As the kernel takes it. Raises ValueError for a jump that is too far for its byte."""
        out = []
        for place, (code, to, otherwise, value) in enumerate(self.lines):
            jumps = [0 if name is None else self.marks[name] - place - 1 for name in (to, otherwise)]
            if not all(0 <= jump < 256 for jump in jumps):
                raise ValueError("a jump of %r" % jumps)
            out.append(struct.pack("=HBBI", code, jumps[0], jumps[1], value))
        return b"".join(out)


def column(machine):
    """Which number of each call is this machine's."""
    return 0 if machine == "x86_64" else 1


def begun(machine):
    """A program that has loaded the call's number, and has killed whoever speaks for another machine."""
    program = Program()
    program.load(ARCHITECTURE)
    program.jump(EQUAL, MACHINES[machine], "ours", "kill")
    program.mark("ours")
    program.load(NUMBER)
    if machine == "x86_64":
        program.jump(AT_LEAST, X32, "kill")
    return program


def ended(program):
    """The same with the answers that the jumps lead to."""
    program.mark("allow")
    program.end(ALLOW)
    for name, code in (("refuse", errno.EPERM), ("unknown", errno.ENOSYS), ("family", errno.EAFNOSUPPORT)):
        program.mark(name)
        program.end(ERROR | code)
    program.mark("kill")
    program.end(KILL)
    return program.assembled()


def general(machine):
    """The fence of everybody, as the kernel takes it."""
    at = column(machine)
    program = begun(machine)
    # Calls that depend on nothing but their number are answered from the kernel's cache: those with arguments to
    # be looked at stand apart, behind the others.
    for numbers in UNKNOWN.values():
        program.jump(EQUAL, numbers[at], "unknown")
    for numbers in REFUSED.values():
        if numbers[at] is not None:
            program.jump(EQUAL, numbers[at], "refuse")
    for numbers in SOCKETS.values():
        program.jump(EQUAL, numbers[at], "socket")
    program.jump(EQUAL, CLONE[at], "clone")
    program.jump(EQUAL, IOCTL[at], "ioctl")
    program.jump(EQUAL, PERSONALITY[at], "personality", "allow")
    program.mark("socket")
    program.load(ARGUMENTS)
    for family in FAMILIES:
        program.jump(EQUAL, family, "allow")
    program.jump(AT_LEAST, 0, "family")
    program.mark("clone")
    program.load(ARGUMENTS)
    program.jump(SET, NEW_USER, "refuse", "allow")
    program.mark("ioctl")
    program.load(ARGUMENTS + 8)
    for request in INJECTING:
        program.jump(EQUAL, request, "refuse")
    program.jump(AT_LEAST, 0, "allow")
    program.mark("personality")
    program.load(ARGUMENTS)
    program.jump(EQUAL, ASKING, "allow", "refuse")
    return ended(program)


def becoming(machine, lowest, highest):
    """The fence of a process that may change its user: to ids from `lowest` to `highest`, and to no group."""
    at = column(machine)
    program = begun(machine)
    for name, numbers in USERS.items():
        program.jump(EQUAL, numbers[at], name)
    for numbers in GROUPS.values():
        program.jump(EQUAL, numbers[at], "refuse")
    program.jump(AT_LEAST, 0, "allow")
    for name, numbers in USERS.items():
        program.mark(name)
        for argument in range(numbers[2]):
            after = "%s-%d" % (name, argument)
            program.load(ARGUMENTS + 8 * argument)
            program.jump(EQUAL, SAME, after)
            program.jump(AT_LEAST, lowest, None, "refuse")
            program.jump(ABOVE, highest, "refuse")
            program.mark(after)
        program.jump(AT_LEAST, 0, "allow")
    return ended(program)


def put(program):
    """Puts a filter around this process and all that it will start, for good. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    held = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
    told = ctypes.create_string_buffer(head, len(head))
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SECCOMP, FILTER, ctypes.addressof(told), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def lacking():
    """Why there can be no fence here; '' where there can."""
    if ctypes is None:
        return "the interpreter has no ctypes"
    if os.uname().machine not in MACHINES or struct.calcsize("P") != 8:
        return "the calls of %s are not known" % os.uname().machine
    return ""


def raised():
    """Puts the general fence around this process: 'on', or why it could not be."""
    why = lacking()
    if why:
        return why
    try:
        put(general(os.uname().machine))
    except (OSError, AttributeError) as problem:
        return "the kernel takes no filter: %s" % problem
    return "on"
