"""What the programs here have in common: their options, their state, how they start others."""
import argparse
import contextlib
import hashlib
import os
import signal
import subprocess
import sys

from position import STATUSES, Failure, Journal, own_directory, shown

STATE = "/var/lib/changejournal-integrations"


def parser(description, more_statuses=()):
    statuses = sorted({**STATUSES, **dict(more_statuses)}.items())
    made = argparse.ArgumentParser(
        description=description, allow_abbrev=False,
        epilog="exit status:\n" + "".join(f"  {number}  {text}\n" for number, text in statuses),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--full", action="store_true", help="copy everything, whatever the journal "
                      "says, and go on from there")
    made.add_argument("--state-directory", metavar="DIR",
                      help=f"where the position is kept (default: one below {STATE}, by the names "
                      "of what is copied where)")
    made.add_argument("--changectl", metavar="FILE", default="changectl", help="the program to ask")
    made.add_argument("--socket", metavar="FILE", help="the daemon's socket")
    return made


def parse(made, tool):
    """Everything after `--` is for the tool."""
    words = sys.argv[1:]
    rest = []
    if "--" in words:
        cut = words.index("--")
        words, rest = words[:cut], words[cut + 1:]
    made.usage = made.format_usage().removeprefix("usage: ").rstrip() + f" [-- {tool} option...]"
    return made.parse_args(words), rest


def journal(args):
    return Journal(args.changectl, args.socket)


def source_of(path):
    """As the kernel sees it, so that it can be compared with the watched trees."""
    source = os.path.realpath(os.fsencode(path))
    if not os.path.isdir(source):
        raise Failure(f"{shown(path)}: is no directory; name the directory that is to be copied", 2)
    return source


def state_of(args, *key):
    if args.state_directory:
        return os.path.abspath(args.state_directory)
    program = os.path.basename(sys.argv[0])
    digest = hashlib.sha256(b"\0".join(map(os.fsencode, key))).hexdigest()[:16]
    return os.path.join(own_directory(STATE), f"{program}-{digest}")


AGAIN = "the position has not moved: run again when that is mended"


PATIENCE = 5  # seconds
STANDSTILL = 30  # seconds in which nothing at all happens


class StoodStill(Failure):
    """A program that was ended because nothing happened any more."""


def waits_for_a_partner(pid):
    """Opening a named pipe waits until somebody opens its other end. No program here means to: a
    file has become a pipe between its look and its opening, and it would stand there for ever."""
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/wchan", encoding="ascii") as file:
                if file.read() == "wait_for_partner":
                    return True
    except OSError:
        pass  # It has ended meanwhile.
    return False


def doings(pid):
    """What the process and those that it started have done so far; None: they are doing something,
    or wait for a disk. Of proc(5): state, utime and stime; rchar and wchar; children."""
    done = []
    pids = [str(pid)]
    try:
        while pids:
            at = f"/proc/{pids.pop()}"
            with open(f"{at}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            with open(f"{at}/io", encoding="ascii") as file:
                moved = file.read().split()[1:4:2]
            if fields[0] != "S":
                return None
            done.append((at, *fields[11:13], *moved))
            for task in os.listdir(f"{at}/task"):
                with open(f"{at}/task/{task}/children", encoding="ascii") as file:
                    pids += file.read().split()
    except OSError:
        return None  # One of them has ended meanwhile, or this kernel does not tell.
    return sorted(done)


def wait(process, text, advice, ends_idle):
    looks = idle = 0
    before = None
    while True:
        try:
            process.communicate(text, timeout=1)
            return
        except subprocess.TimeoutExpired:
            text = None  # communicate() goes on with it, and refuses it if it is given again.
            looks = looks + 1 if waits_for_a_partner(process.pid) else 0
            now = doings(process.pid) if ends_idle else None
            idle = idle + 1 if now is not None and now == before else 0
            before = now
        if looks == PATIENCE:
            raise Failure(f"{process.args[0]} was ended: it was opening a file that became a named "
                          f"pipe meanwhile; {advice}")
        if idle == STANDSTILL:
            for at, *_ in now:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(at.rpartition("/")[2]), signal.SIGTERM)
            raise StoodStill(f"{process.args[0]} was ended: it had stood still for {STANDSTILL} "
                             f"seconds; {advice}")


def end(process):
    """In good order if it can: rsync removes the file that it was writing, borg its lock."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def spawn(words, good=(0,), advice=AGAIN, ends_idle=False, **more):
    """Starts a program, waits for it; its output is ours. Its exit status is good, or ends us.
    ends_idle: nobody but the program itself and the disks has anything to do with it."""
    text = more.pop("input", None)
    try:
        done = subprocess.Popen(words, stdin=None if text is None else subprocess.PIPE, **more)
    except OSError as error:
        raise Failure(f"{words[0]}: {error.strerror}; is it installed?") from error
    with done:
        try:
            wait(done, text, advice, ends_idle)
        except BaseException:
            end(done)
            raise
    if good is not None and done.returncode not in good:
        raise Failure(f"{words[0]} ended with exit status {done.returncode}, see above; "
                      f"{advice}")
    return done
