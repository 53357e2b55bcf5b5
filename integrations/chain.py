"""A directory of archives: a full one, and incremental ones, each with the names that went.

    000001-full.tar
    000002-incremental.deleted     names, each ended by a NUL byte
    000002-incremental.tar
    000003-full.tar                begins anew

An archive has its name only when it is complete, and the list of what went is there before it. So
a run that was ended leaves nothing that a restore would take for whole.
"""
import os
import re

from position import Failure, shown

NAME = re.compile(r"(\d{6})-(full|incremental)\.tar(\.gz|\.bz2|\.xz)?")


class Archive:
    def __init__(self, directory, match):
        self.number = int(match.group(1))
        self.full = match.group(2) == "full"
        self.path = os.path.join(directory, match.group(0))
        self.deleted_path = os.path.join(directory, f"{match.group(1)}-incremental.deleted")

    def deleted(self):
        """The names that were gone when this archive was made."""
        if self.full:
            return []
        try:
            with open(self.deleted_path, "rb") as file:
                return [name for name in file.read().split(b"\0") if name]
        except OSError as error:
            raise Failure(f"{shown(self.deleted_path)}: {error.strerror}; without it what was "
                          f"deleted would come back: restore an earlier --until=") from error


def archives(directory):
    """All of them, oldest first."""
    try:
        names = os.listdir(directory)
    except OSError as error:
        raise Failure(f"{shown(directory)}: {error.strerror}") from error
    found = [Archive(directory, match) for match in map(NAME.fullmatch, names) if match]
    return sorted(found, key=lambda archive: archive.number)


def last_number(directory):
    return max((archive.number for archive in archives(directory)), default=0)


def chain(directory, until=None, start=None):
    """What to apply in order: the newest full one up to `until`, and all that follow it; or all
    from `start` on. Each number must be there: an increment says nothing of those before it."""
    found = [archive for archive in archives(directory)
             if until is None or archive.number <= until]
    if not found or (until is not None and found[-1].number != until):
        raise Failure(f"{shown(directory)}: no archive {until or ''}".rstrip() +
                      "; ls shows what there is")
    if start is None:
        fulls = [archive.number for archive in found if archive.full]
        if not fulls:
            raise Failure(f"{shown(directory)}: no full archive; increments alone restore nothing")
        start = fulls[-1]
    wanted = [archive for archive in found if archive.number >= start]
    numbers = [archive.number for archive in wanted]
    if numbers != list(range(start, found[-1].number + 1)):
        missing = sorted(set(range(start, found[-1].number + 1)) - set(numbers))
        raise Failure(f"{shown(directory)}: archive {missing[0] if missing else start} is missing "
                      f"or double; what follows it cannot be restored")
    return wanted
