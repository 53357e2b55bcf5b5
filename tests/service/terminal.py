"""A program on a terminal of its own: what a person would see, and keys."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

DEADLINE = 60


class Terminal:
    """Runs words with a pseudo-terminal as stdin, stdout, stderr and controlling terminal."""

    def __init__(self, words, environment=None, rows=24, columns=132):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)[:4]
        env = dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8")
        for name in ("PAGER", "SYSTEMD_PAGER", "SYSTEMD_PAGERSECURE", "LESS", "NO_COLOR"):
            env.pop(name, None)
        env.update(environment or {})

        def own():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=env,
                                        preexec_fn=own)
        self.slave = slave
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys.encode())

    def _read(self, wait):
        if select.select([self.master], [], [], wait)[0]:
            self.text += os.read(self.master, 65536).decode("utf-8", "backslashreplace")

    def expect(self, pattern, seconds=DEADLINE):
        """What came up to and with the pattern; what follows it stays."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.text, re.DOTALL)
            if found:
                seen, self.text = self.text[:found.end()], self.text[found.end():]
                return seen
            self._read(0.1)
        raise AssertionError(f"{pattern!r} did not come: {self.text[-2000:]!r}")

    def wait(self):
        """The exit status; what was written last is in text."""
        deadline = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"it does not end: {self.text[-2000:]!r}")
            self._read(0.05)
        while select.select([self.master], [], [], 0)[0]:
            self._read(0)
        return self.process.returncode

    def modes(self):
        """Echo, whole lines and all that; not the special characters."""
        return termios.tcgetattr(self.slave)[:4]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        os.close(self.slave)
        os.close(self.master)


def children(pid):
    """Of its main thread."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def variables(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        return dict(each.split(b"=", 1) for each in file.read().split(b"\0") if b"=" in each)
