"""What the programs here have in common: their options, their state, how they start others."""
import argparse
import hashlib
import os
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


def wait(process, text, advice):
    looks = 0
    while True:
        try:
            process.communicate(text, timeout=1)
            return
        except subprocess.TimeoutExpired:
            text = None  # communicate() goes on with it, and refuses it if it is given again.
            looks = looks + 1 if waits_for_a_partner(process.pid) else 0
        if looks == PATIENCE:
            raise Failure(f"{process.args[0]} was ended: it was opening a file that became a named "
                          f"pipe meanwhile; {advice}")


def end(process):
    """In good order if it can: rsync removes the file that it was writing, borg its lock."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def spawn(words, good=(0,), advice=AGAIN, **more):
    """Starts a program, waits for it; its output is ours. Its exit status is good, or ends us."""
    text = more.pop("input", None)
    try:
        done = subprocess.Popen(words, stdin=None if text is None else subprocess.PIPE, **more)
    except OSError as error:
        raise Failure(f"{words[0]}: {error.strerror}; is it installed?") from error
    with done:
        try:
            wait(done, text, advice)
        except BaseException:
            end(done)
            raise
    if good is not None and done.returncode not in good:
        raise Failure(f"{words[0]} ended with exit status {done.returncode}, see above; "
                      f"{advice}")
    return done
