"""A terminal to type into."""
import fcntl, termios
did += [str(fd) for fd in range(64) if os.isatty(fd)]
for path in ("/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/pts/0", "/dev/ttyS0"):
    attempt(path, lambda: os.close(os.open(path, os.O_RDWR)))
attempt("push back", lambda: fcntl.ioctl(os.openpty()[1], termios.TIOCSTI, b"x"))
