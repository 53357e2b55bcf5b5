"""bup's index, brought up to date by name.

`bup index` has no way to say "only these": a directory is always walked to its end, whatever it
does not meet there is marked as deleted, and a name that is gone cannot be given at all. So this
uses the modules of bup that `bup index` is made of, and does for each name what bup.cmd.index does
when its walk comes by. They are no interface that bup promises, which is why only versions are used
that were tested; for others the tree is walked.
"""
import os
import stat
import sys
import time

MODULES = "/usr/lib/bup"
TESTED = b"0.33."


def usable():
    """True if bup's modules are here, and are those that this was written for."""
    if MODULES not in sys.path:
        sys.path.append(MODULES)
    try:
        from bup import index, version
    except ImportError:
        return False
    return version.version.startswith(TESTED) and index.INDEX_HDR == b"BUPI\0\0\0\7"


def ancestors(path):
    """The directories above, as the index names them."""
    at = path.find(b"/")
    while at >= 0:
        yield path[:at + 1]
        at = path.find(b"/", at + 1)


def look(path):
    from bup import xstat
    try:
        return xstat.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == 40:  # ELOOP: a link stands where a directory was.
            return None
        raise


class Update:
    """One pass over what of the index lies above and at the names."""

    def __init__(self, store, links, names):
        self.store = store
        self.links = links
        self.names = names
        self.above = {above for name in names for above in ancestors(name)}
        self.found = set()

    def metadata(self, path, state):
        from bup import metadata
        made = metadata.from_path(path, statinfo=state)
        made.ctime = made.mtime = made.atime = 0  # The index keeps them by itself.
        return self.store.store(made)

    def forget(self, entry):
        """An entry that is gone, with all below it."""
        for below in entry.iter():
            self.delete(below)
        self.delete(entry)

    def delete(self, entry):
        if not entry.exists():
            return
        if entry.nlink > 1 and not stat.S_ISDIR(entry.mode):
            self.links.del_path(entry.name)
        entry.set_deleted()
        entry.repack()

    def entry(self, entry):
        path = entry.name.rstrip(b"/")
        if entry.name in self.above:
            entry.invalidate()
            entry.repack()
        if path not in self.names:
            return
        state = look(path)
        if state is None or stat.S_ISDIR(state.st_mode) != entry.name.endswith(b"/"):
            self.forget(entry)
            return
        self.found.add(path)
        offset = self.metadata(path, state)
        if not stat.S_ISDIR(entry.mode) and entry.nlink > 1 and entry.exists():
            self.links.del_path(entry.name)
        self.link(entry.name, state)
        entry.update_from_stat(state, offset)
        entry.invalidate()
        entry.repack()

    def link(self, name, state):
        if not stat.S_ISDIR(state.st_mode) and state.st_nlink > 1:
            self.links.add_path(name, state.st_dev, state.st_ino)

    def add(self, writer):
        """What the index does not have; it wants its names in falling order."""
        new = []
        for path in self.names - self.found:
            state = look(path)
            if state is not None:
                slash = b"/" if stat.S_ISDIR(state.st_mode) else b""
                new.append((path + slash, state))
        for name, state in sorted(new, reverse=True):
            writer.add(name, state, self.metadata(name, state))
            self.link(name, state)


def set_back(file, since):
    """The names whose times a `bup index` that was started at `since` has set back."""
    from bup import index
    first, last = (since - 1) * 10**9, (time.time() - 1) * 10**9
    with index.Reader(file) as reader:
        return {entry.name.rstrip(b"/") for entry in reader if entry.exists() and
                (first <= entry.mtime <= last or first <= entry.ctime <= last)}


def update(file, names):
    """Every one of `names` (absolute, without a slash at the end) is looked at, and nothing else.

    Times are taken as they are. `bup index` sets those of the last second back, so that the next
    one looks again; here nobody would, and snapshots would have the wrong time."""
    from bup import hlinkdb, index
    limit = None
    with index.MetaStoreWriter(file + b".meta") as store, \
         hlinkdb.HLinkDB(file + b".hlink") as links, \
         index.Writer(file, store, limit) as writer, \
         index.Reader(file) as reader:
        work = Update(store, links, names)
        for entry in list(reader.iter(wantrecurse=lambda below: below.name in work.above)):
            work.entry(entry)
        work.add(writer)
        links.prepare_save()
        reader.save()
        writer.flush()
        if writer.count:
            with writer.new_reader() as added, index.Writer(file, store, limit) as merged:
                for entry in index.merge(reader, added):
                    merged.add_ixentry(entry)
                merged.close()
        links.commit_save()
