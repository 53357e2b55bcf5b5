#!/usr/bin/env python3
"""A database of a tree that is kept by a feed and lstat alone, while the tree changes at random: in
the end it is what a scan finds. docs/protocol.md says how it is kept ("Feeds").

Usage: feed_database_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped). CJ_SEED replays the
changes of a run, CJ_ROUNDS says how long it is, CJ_FILESYSTEM where.
"""
import base64
import ctypes
import os
import random
import shutil
import stat
import threading
import typing

import viewers_fixture
from feed_test import Feed

SEED = int(os.environ.get("CJ_SEED") or random.SystemRandom().randrange(2**32))
ROUNDS = int(os.environ.get("CJ_ROUNDS") or 60)
# Few, so that names are taken again; one that is no text.
NAMES = [b"a", b"b", b"c", b"d\n", b"\xe9"]
RENAME_EXCHANGE = 2
AT_FDCWD = -100
# What speaks of a name; all else, of the object.
OF_NAMES = {"created", "deleted", "renamed", "replaced", "directory"}


class Row(typing.NamedTuple):
    """What is known of a path."""
    inode: int
    mode: int
    facts: list
    names: int  # that the file had when it was looked at; no fact of this path

    def is_file(self):
        return stat.S_ISREG(self.mode)


def row(path):
    """None: nothing is there. Whoever is overtaken by a change hears of that later."""
    try:
        status = os.lstat(path)
        facts = [status.st_uid, status.st_gid, status.st_mtime_ns]
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                facts.append(file.read())
        elif stat.S_ISLNK(status.st_mode):
            facts.append(os.readlink(path))
        names = os.listxattr(path, follow_symlinks=False)
        facts.append({name: os.getxattr(path, name, follow_symlinks=False) for name in names})
        return Row(status.st_ino, status.st_mode, facts, status.st_nlink)
    except OSError:
        return None


def below(path):
    """All that is there, with the path itself."""
    found = {path: row(path)}
    for directory, directories, files in os.walk(path):
        for name in directories + files:
            each = os.path.join(directory, name)
            found[each] = row(each)
    return {each: known for each, known in found.items() if known is not None}


class Database:
    """Path -> row, as far as the feed has been read."""

    def __init__(self, top):
        self.top, self.rows, self.searches = top, below(top), 0

    def forget(self, path):
        for each in [each for each in self.rows if each == path or each.startswith(path + b"/")]:
            del self.rows[each]

    def look(self, path):
        """At this path alone."""
        known = row(path)
        if known is None:
            self.forget(path)
        elif path == self.top or path.startswith(self.top + b"/"):
            self.rows[path] = known
        return known

    def look_through(self, path):
        """With all below it."""
        self.forget(path)
        self.rows.update(below(path))

    def apply(self, record):
        operations = set(record["operations"])
        paths = [base64.b64decode(record[key]) if key.endswith("64") else os.fsencode(record[key])
                 for key in ("path", "path_base64", "from", "from_base64") if key in record]
        known = None
        for path in paths:
            # The record of a directory that was moved, is gone, or was found by a crawl speaks of
            # all that is below it.
            if "directory" in operations and operations & {"renamed", "deleted", "crawled"}:
                self.look_through(path)
            known = self.look(path) or known
            if operations & OF_NAMES and path != self.top:
                self.look(os.path.dirname(path))  # which is another one since
        if "directory" not in operations and not operations <= OF_NAMES:
            self.look_at_other_names(known, "linked" in operations)

    def look_at_other_names(self, known, linked):
        """Of a file that was changed: it is told under the name that was used. What is found there
        may be another file by now; which one it was then, nobody remembers."""
        gone = known is None or not known.is_file() or (linked and known.names == 1)
        self.searches += gone
        for path, other in list(self.rows.items()):
            same = known is not None and other.inode == known.inode
            if other.is_file() and (gone or same or other.names > 1):
                self.look(path)


class Changes:
    """At random, of a tree, and of what is outside of it on the same filesystem."""

    def __init__(self, top, outside, dice):
        self.top, self.outside, self.dice, self.story = top, outside, dice, []
        self.renameat2 = ctypes.CDLL(None, use_errno=True).renameat2

    def all(self, wanted):
        """Here or outside; sorted, because a walk finds them in another order each time."""
        top = self.dice.choices([self.top, self.outside], [9, 1])[0]
        return [top] + sorted(path for path in below(top) if path != top and wanted(path))

    def somewhere(self):
        directories = self.all(os.path.isdir)
        return os.path.join(self.dice.choice(directories), self.dice.choice(NAMES))

    def something(self, wanted=os.path.lexists):
        top, *found = self.all(wanted)
        return self.dice.choice(found or [top + b"/none"])

    @staticmethod
    def is_file(path):
        return os.path.isfile(path) and not os.path.islink(path)

    def text(self):
        return bytes(self.dice.choices(b"xyz", k=self.dice.randrange(1, 30)))

    def make(self):
        path = self.somewhere()
        return os.mkdir, path

    def write(self, mode="wb"):
        path = self.somewhere() if mode == "wb" else self.something(self.is_file)
        text = self.text()

        def write(path, mode):
            if mode == "wb" and os.path.lexists(path) and not self.is_file(path):
                return  # a pipe would make it wait
            with open(path, mode) as file:
                file.write(text)
        return write, path, mode

    def append(self):
        return self.write("ab")

    def save(self):
        """As editors do it."""
        path, text = self.something(self.is_file), self.text()

        def save(path):
            with open(path + b"~", "wb") as file:
                file.write(text)
            os.rename(path + b"~", path)
        return save, path

    def truncate(self):
        return os.truncate, self.something(self.is_file), 0

    def remove(self):
        path = self.something()
        tree = os.path.isdir(path) and not os.path.islink(path)
        return shutil.rmtree if tree else os.unlink, path

    def rename(self):
        return os.rename, self.something(), self.somewhere()

    def exchange(self):
        def exchange(one, other):
            self.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE)
        return exchange, self.something(), self.something()

    def link(self):
        return os.link, self.something(self.is_file), self.somewhere()

    def symlink(self):
        return os.symlink, self.text(), self.somewhere()

    def pipe(self):
        return os.mkfifo, self.somewhere()

    def mode(self):
        path = self.something(lambda path: not os.path.islink(path))
        return os.chmod, path, self.dice.choice([0o700, 0o755, 0o1777])

    def owner(self):
        return os.lchown, self.something(), self.dice.randrange(3), self.dice.randrange(3)

    def time(self):
        path, when = self.something(self.is_file), self.dice.randrange(2**30)
        return os.utime, path, (when, when)

    def attribute(self):
        path = self.something(lambda path: self.is_file(path) or os.path.isdir(path))
        return os.setxattr, path, b"user.n", self.text()

    KINDS = {make: 6, write: 9, append: 4, save: 3, truncate: 1, remove: 2, rename: 6, exchange: 2,
             link: 3, symlink: 1, pipe: 1, mode: 2, owner: 1, time: 1, attribute: 1}

    def one(self):
        kind, = self.dice.choices(list(self.KINDS), list(self.KINDS.values()))
        change, *words = kind(self)
        self.story.append((change.__name__, *words))
        try:
            change(*words)
        except OSError:
            pass  # into itself, onto what is of another kind, of what the filesystem cannot do


class FeedDatabase(viewers_fixture.QuietCase):
    def setUp(self):
        super().setUp()
        self.dice = random.Random(SEED)
        self.top = os.path.join(os.fsencode(self.mount), b"top")
        outside = os.path.join(os.fsencode(self.mount), b"outside")
        os.mkdir(self.top)
        os.mkdir(outside)
        self.changes = Changes(self.top, outside, self.dice)
        for _ in range(30):
            self.changes.one()
        self.daemon = self.start(watch=os.fsdecode(self.top))
        self.records = 0

    def open(self, **parameters):
        feed = Feed(self.daemon, **parameters)
        self.addCleanup(feed.close)
        return feed

    def follow(self, database, feed, mark):
        """Until a change is told that was made when all others had been made."""
        path, self.told = os.path.join(self.mount, mark), []
        while path not in (record.get("path") for record in self.told):
            records = feed.reply()["parameters"]["records"]
            for record in records:
                database.apply(record)
            self.told += records
        self.records += len(self.told)

    def again(self, feed):
        """Goes on from where the database stands."""
        feed.close()
        settle = self.dice.choice([0, 0, 500])
        return self.open(resume=feed.position, settle_usec=settle)

    def change(self, count, mark):
        for _ in range(count):
            self.changes.one()
        os.mkdir(os.path.join(self.mount, mark))  # which is one event

    def test_a_database_is_what_a_scan_finds(self):
        feed = self.open(since={"token": self.daemon.ctl("checkpoint").stdout.strip()})
        database = Database(self.top)
        for number in range(ROUNDS):
            self.changes.story, mark = [], f"top/mark {number}"
            at_once = self.dice.random() < 0.5
            writer = threading.Thread(target=self.change,
                                      args=(self.dice.randrange(1, 40), mark))
            writer.start()
            if at_once:
                writer.join()
            try:
                self.follow(database, feed, mark)
            finally:
                writer.join()
            self.compare(number, database)
            os.rmdir(os.path.join(self.mount, mark))
            if self.dice.random() < 0.3:
                feed = self.again(feed)
            if self.dice.random() < 0.3:
                self.daemon.ctl("checkpoint")
        print(f"{ROUNDS} rounds, {self.records} records, {len(database.rows)} rows, "
              f"{database.searches} searches for names", flush=True)

    def compare(self, number, database):
        there = below(self.top)
        wrong = {path: (database.rows.get(path), there.get(path))
                 for path in {*there, *database.rows}
                 if path not in there or path not in database.rows
                 or database.rows[path][:3] != there[path][:3]}
        self.assertFalse(wrong, f"round {number}, CJ_SEED={SEED}\n{self.changes.story}\n"
                                f"{self.told}")


if __name__ == "__main__":
    if os.environ.get("CJ_OWN_MOUNTS"):
        print(f"CJ_SEED={SEED}", flush=True)
    os.environ["CJ_SEED"] = str(SEED)
    viewers_fixture.main()
