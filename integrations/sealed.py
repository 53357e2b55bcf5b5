"""A mount namespace of our own, in which no symbolic link below the trees at work is followed.

Programs that copy as root meet trees in which others may put symbolic links where a directory was a
moment ago. No check helps against that, because it can be done between the check and the use. So
each tree is mounted over itself with `nosymfollow`, where only we and the programs that we start
see it: links are copied as what they are, and the kernel refuses every path that leads through one.
What is mounted below the tree is not visible there, as it is not for the journal; and a tree that
is unmounted meanwhile stays what it was.
"""
import os
import subprocess
import sys

from position import Failure, shown

MARK = "CHANGEJOURNAL_OWN_MOUNTS"


def enter():
    """Starts this program again in a mount namespace of its own, once."""
    if os.environ.pop(MARK, None) == str(os.getpid()):
        return
    if os.geteuid() != 0:
        raise Failure("needs root, to read everything and for mounts of its own", 2)
    # unshare(1) executes the program in this process, whose number therefore stays.
    os.environ[MARK] = str(os.getpid())
    words = ["unshare", "--mount", "--propagation=private", "--", sys.executable, "-BEs", *sys.argv]
    try:
        os.execvp(words[0], words)
    except OSError as error:
        raise Failure(f"unshare: {error.strerror}; install util-linux") from error


def seal(path):
    """No link below `path` is followed from now on."""
    for options in (["--bind", "--", path, path], ["-o", "remount,bind,nosymfollow", "--", path]):
        done = subprocess.run(["mount", *options], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Failure(f"{shown(path)}: cannot be mounted over itself: "
                          f"{os.fsdecode(done.stderr).strip()}")
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    # The flag is new (Linux 5.10); a mount(8) that does not know it may have passed it by.
    sealed = os.fstatvfs(descriptor).f_flag & 8192
    os.close(descriptor)
    if not sealed:
        raise Failure(f"{shown(path)}: mounts without links (nosymfollow) are not to be had here; "
                      f"Linux 5.10 and util-linux 2.38 have them")
