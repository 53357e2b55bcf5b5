"""Where a backup stands in the journal: the one place that asks `changectl`.

    with Position(journal, directory, source) as position:
        try:
            changes = position.next()      # what changed since the last commit
        except RescanNeeded:
            position.begin()               # a checkpoint; everything is to be copied now
        ...copy...
        position.commit()                  # only now the position moves

The position moves in two phases, so that a transfer that fails loses nothing: next() and begin()
only remember where the journal was *before* the copy began, and commit() writes that down when the
copy is complete. Whatever changes during the copy is told again the next time.

Here the token is kept in a file; a consumer that the daemon remembers would take its place in
begin(), next() and commit(), and nowhere else.
"""
import base64
import fcntl
import json
import os
import stat
import subprocess
import sys

FAILED, USAGE, LOCKED, ABSENT, WARNED = 1, 2, 6, 7, 8
STATUSES = {
    0: "done, or there was nothing to do",
    FAILED: "failed; the position has not moved, so that the next run does what this one did not",
    USAGE: "usage",
    4: "changectl: not permitted",
    5: "changectl: the daemon is not reachable",
    LOCKED: "another run holds the lock",
    ABSENT: "the tree is not mounted, says the journal: nothing was copied or deleted",
}


class Failure(Exception):
    """What happened, to what, and what to do."""

    def __init__(self, message, status=FAILED):
        super().__init__(message)
        self.status = status


class RescanNeeded(Exception):
    """The journal cannot tell what changed: copy everything."""


def shown(path):
    """A path as messages have it: one line, and never a byte that a terminal would obey."""
    text = os.fsdecode(path)
    return text if text.isprintable() else ascii(text)


def sync_directory(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path, data):
    """The whole file or none of it, also after a loss of power."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with open(os.open(path + ".new", flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)
    sync_directory(os.path.dirname(path))


def own_directory(path):
    """Makes the directory, for us alone; refuses one in which others could plant links."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.lstat(path)
    except OSError as error:
        raise Failure(f"{shown(path)}: cannot be made: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise Failure(f"{shown(path)}: is no directory; name another one", USAGE)
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Failure(f"{shown(path)}: others may write there, or own it; chown it to the user "
                      f"that runs this, and chmod go-w", USAGE)
    return path


class Journal:
    """`changectl`, as a program."""

    def __init__(self, program="changectl", socket=None):
        self.command = [program] + ([f"--socket={socket}"] if socket else [])

    def ask(self, *words, output=subprocess.PIPE):
        try:
            done = subprocess.run([*self.command, *words], stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.PIPE, check=False)
        except OSError as error:
            raise Failure(f"{self.command[0]}: {error.strerror}; install changejournal, or name "
                          f"the program with --changectl=") from error
        said = os.fsdecode(done.stderr).strip()
        if done.returncode == 3:
            raise RescanNeeded(said.splitlines()[0] if said else "rescan needed")
        if done.returncode != 0:
            status = done.returncode if done.returncode in (2, 4, 5) else FAILED
            raise Failure(said or f"{self.command[0]}: exit status {done.returncode}", status)
        return done.stdout, said

    def check_tree(self, source):
        """Exactly one watched tree holds all of `source`, and it is there now. True: names in that
        tree are excluded, nobody ever tells of them."""
        watches = []
        for watch in json.loads(self.ask("status", "--json")[0])["watches"]:
            path = watch["path"].encode() if "path" in watch else base64.b64decode(
                watch["path_base64"])
            watches.append((os.path.realpath(path), watch))
        within = [(path, watch) for path, watch in watches
                  if source == path or source.startswith(path.rstrip(b"/") + b"/")]
        if not within:
            raise Failure(f"{shown(source)}: no watched tree holds it; add it to "
                          f"changejournal.conf(5), see `changectl status`", USAGE)
        below = [path for path, _ in watches if path.startswith(source.rstrip(b"/") + b"/")]
        if below:
            raise Failure(f"{shown(source)}: {shown(below[0])} below it is a watched tree of its "
                          f"own; run once for each of them", USAGE)
        path, watch = max(within, key=lambda found: len(found[0]))
        if watch.get("absent"):
            raise Failure(f"{shown(path)}: {watch['absent']}; nothing was copied or deleted. Run "
                          f"again when it is there", ABSENT)
        return bool(watch.get("excludes"))


class Position:
    """begin(), next(), commit(). Holds the lock of its directory while it exists."""

    def __init__(self, journal, directory, source, name="token"):
        self.journal = journal
        self.directory = own_directory(directory)
        self.source = source
        self.path = os.path.join(directory, name)
        self.pending = None
        self.lock = None

    def __enter__(self):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self.lock = os.open(os.path.join(self.directory, "lock"), flags, 0o600)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Failure(f"{shown(self.directory)}: another run is at work; wait for it; "
                          f"fuser(1) tells who holds the file `lock` there", LOCKED) from error
        return self

    def __exit__(self, *_):
        os.close(self.lock)

    def token(self):
        try:
            with open(self.path, encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return None

    def begin(self):
        """From here on everything is told; what is there is to be copied, all of it."""
        made = json.loads(self.journal.ask("checkpoint", "--json")[0])
        if self.journal.check_tree(self.source):
            report(f"{shown(self.source)}: what Exclude= in changejournal.conf(5) leaves out is "
                   "copied now and not looked at again: exclude it here, too, or use --full at "
                   "times")
        self.pending = made["token"]

    def next(self):
        """The names below the source that may have changed since the last commit, relative to it,
        sorted; `.` is the source itself. All names are there, of renamed and deleted trees too."""
        token = self.token()
        if not token:
            raise RescanNeeded("there is no position yet")
        listed = os.path.join(self.directory, "changes")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with open(os.open(listed, flags, 0o600), "rb") as file:
            said = self.journal.ask("changes", f"--since={token}", "-0", "--expand",
                                    b"--relative-to=" + self.source, self.source, output=file)[1]
            file.seek(0)
            names = sorted(set(file.read().split(b"\0")) - {b""})
        os.unlink(listed)
        told = [line[6:] for line in said.splitlines() if line.startswith("next: ")]
        if not told:
            raise Failure("changectl did not say where to go on from: " + said)
        self.journal.check_tree(self.source)
        self.pending = told[-1]
        return names

    def commit(self, name=None):
        """What begin() or next() told of has been copied. `name`: for another position beside."""
        path = os.path.join(self.directory, name) if name else self.path
        replace_file(path, self.pending.encode() + b"\n")


def report(line):
    print(line, flush=True)


def run(body):
    """The body of main(): failures become one line on standard error and the exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # A name is no reason to fail.
    try:
        return body() or 0
    except RescanNeeded as why:
        failure = Failure(f"the journal cannot tell: {why}")
    except Failure as why:
        failure = why
    except KeyboardInterrupt:
        failure = Failure("interrupted; the position has not moved", 130)
    name = os.path.basename(sys.argv[0])
    print(f"{name}: {failure}", file=sys.stderr)
    return failure.status
