"""A tree that is edited at random, and the comparison of two trees, byte by byte."""
import os
import random
import shutil
import stat

# What scripts stumble over: blanks, line ends, hyphens, patterns, quotes, comments, bytes that are
# no UTF-8.
ODD = [b"a b", b"new\nline", b"-rf", b"--delete", b"*", b"[x]?", b"back\\slash", b"'q'", b'"d"',
       b"#c", b";s", b"host:file", b"\xff\xfe", b"\xe9t\xe9", b"\xc3\xa9t\xc3\xa9", b" lead",
       b"trail ", b".hidden", b"...", b"tab\t", b"%s$x`y`", b"e\x01\x7f", b"x" * 200]
DEEPEST = 12
PLAIN = [b"a", b"b", b"c", b"d", b"e.txt", b"f", b"g", b"h"]
ACL_ACCESS = bytes.fromhex("02000000" "01000700ffffffff" "02000500e9030000" "04000500ffffffff"
                           "10000700ffffffff" "20000500ffffffff")


def look(top, link_times=True):
    """{name: all of it that a copy should have}; hard links as the set of names that share a
    file."""
    found, groups = {}, {}

    def visit(name):
        path = os.path.join(top, name)
        state = os.lstat(path)
        link = stat.S_ISLNK(state.st_mode)
        facts = {
            "mode": state.st_mode, "owner": (state.st_uid, state.st_gid),
            "mtime": None if link and not link_times else state.st_mtime_ns,
            "xattrs": {key: os.getxattr(path, key, follow_symlinks=False)
                       for key in os.listxattr(path, follow_symlinks=False)},
        }
        if link:
            facts["target"] = os.readlink(path)
        elif stat.S_ISREG(state.st_mode):
            with open(path, "rb") as file:
                facts["content"] = file.read()
        elif stat.S_ISCHR(state.st_mode) or stat.S_ISBLK(state.st_mode):
            facts["device"] = state.st_rdev
        found[name] = facts
        if stat.S_ISDIR(state.st_mode):
            for below in os.listdir(path):
                visit(below if name == b"." else os.path.join(name, below))
        elif stat.S_ISREG(state.st_mode):
            groups.setdefault((state.st_dev, state.st_ino), set()).add(name)
    visit(b".")
    for names in groups.values():
        for name in names:
            found[name]["links"] = sorted(names)
    return found


def differences(source, copy):
    lines = [f"missing in the copy: {name!r}" for name in sorted(set(source) - set(copy))]
    lines += [f"only in the copy: {name!r}" for name in sorted(set(copy) - set(source))]
    for name in sorted(set(source) & set(copy)):
        for fact in sorted(set(source[name]) | set(copy[name])):
            here, there = source[name].get(fact), copy[name].get(fact)
            if here != there:
                lines.append(f"{name!r}: {fact}: {repr(here)[:200]}, "
                             f"in the copy {repr(there)[:200]}")
    return lines


class Editor:
    """Edits a tree. The same seed makes the same edits of the same tree."""

    def __init__(self, top, seed):
        self.top = os.fsencode(top)
        self.random = random.Random(seed)
        self.log = []

    def all(self, want):
        """Names of one kind, in an order that a seed replays."""
        found = []
        for folder, folders, files in os.walk(self.top):
            folders.sort()
            for name in sorted(folders + files):
                path = os.path.join(folder, name)
                if want(os.lstat(path)):
                    found.append(path)
        return found

    def pick(self, want):
        found = self.all(want)
        return self.random.choice(found) if found else None

    def directory(self):
        return self.random.choice([self.top, *self.all(lambda s: stat.S_ISDIR(s.st_mode))])

    def name(self):
        """Few names, so that what comes often stands where something else was."""
        return os.path.join(self.directory(), self.random.choice(self.random.choice([PLAIN, ODD])))

    def fits(self, path, to):
        """Trees that are moved into each other all the time would outgrow what a path can be."""
        lowest = max((folder.count(b"/") for folder, _, _ in os.walk(path)), default=0)
        height = max(0, lowest - path.count(b"/"))
        return to.count(b"/") - self.top.count(b"/") + height <= DEEPEST

    def clear(self, path):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    def create(self):
        path = self.name()
        self.clear(path)
        with open(path, "wb") as file:
            file.write(self.random.randbytes(self.random.choice([0, 1, 100, 5000, 70000])))

    def make_directory(self):
        path = self.name()
        if not self.fits(path, path):
            return
        self.clear(path)
        os.mkdir(path)
        for name in self.random.sample(ODD + PLAIN, self.random.randrange(5)):
            with open(os.path.join(path, name), "wb") as file:
                file.write(self.random.randbytes(50))

    def write(self):
        path = self.pick(lambda s: stat.S_ISREG(s.st_mode))
        if path:
            with open(path, "r+b") as file:
                file.seek(self.random.randrange(100))
                file.write(self.random.randbytes(20))

    def write_and_set_back(self):
        """Other bytes, the same size and time."""
        path = self.pick(lambda s: stat.S_ISREG(s.st_mode) and s.st_size > 20)
        if path:
            state = os.stat(path)
            with open(path, "r+b") as file:
                file.write(self.random.randbytes(20))
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    def delete(self):
        path = self.pick(lambda s: not stat.S_ISDIR(s.st_mode))
        if path:
            os.unlink(path)

    def delete_tree(self):
        path = self.pick(lambda s: stat.S_ISDIR(s.st_mode))
        if path:
            shutil.rmtree(path)

    def move(self, path, to):
        """What is at `to` goes; neither may lie in the other."""
        if path and self.fits(path, to) and not (to + b"/").startswith(path + b"/") \
                and not (path + b"/").startswith(to + b"/"):
            self.clear(to)
            os.rename(path, to)

    def rename(self):
        path, to = self.pick(lambda s: True), self.name()
        self.move(path, to)

    def rename_directory(self):
        path, to = self.pick(lambda s: stat.S_ISDIR(s.st_mode)), self.name()
        self.move(path, to)

    def link(self):
        path, to = self.pick(lambda s: stat.S_ISREG(s.st_mode)), self.name()
        if path and not (path + b"/").startswith(to + b"/"):
            self.clear(to)
            os.link(path, to)

    def part_links(self):
        """The same bytes as before, at one of several names, which is now a file of its own."""
        path = self.pick(lambda s: stat.S_ISREG(s.st_mode) and s.st_nlink > 1)
        if path:
            shutil.copy2(path, self.top + b"/copy")
            os.rename(self.top + b"/copy", path)

    def symlink(self):
        path = self.name()
        self.clear(path)
        os.symlink(self.random.choice([b"a", b"../b", b"/etc", b"gone", b"new\nline"]), path)

    def special(self):
        path = self.name()
        self.clear(path)
        if self.random.random() < 0.5:
            os.mkfifo(path)
        else:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))

    def chmod(self):
        path = self.pick(lambda s: not stat.S_ISLNK(s.st_mode))
        if path:
            os.chmod(path, self.random.choice([0o600, 0o755, 0o4755, 0o2775, 0o1777, 0o444, 0o700]))

    def chown(self):
        path = self.pick(lambda s: True)
        if path:
            owners = [0, 1000, 12345]
            os.lchown(path, self.random.choice(owners), self.random.choice(owners))

    def set_time(self):
        path = self.pick(lambda s: True)
        if path:
            when = self.random.randrange(10**18, 15 * 10**17)
            os.utime(path, ns=(when, when), follow_symlinks=False)

    def set_attribute(self):
        path = self.pick(lambda s: stat.S_ISREG(s.st_mode) or stat.S_ISDIR(s.st_mode))
        if path:
            key = self.random.choice(["user.note", "trusted.note", "system.posix_acl_access"])
            os.setxattr(path, key, ACL_ACCESS if "acl" in key else self.random.randbytes(10))

    def remove_attribute(self):
        path = self.pick(lambda s: stat.S_ISREG(s.st_mode) or stat.S_ISDIR(s.st_mode))
        if path:
            for key in os.listxattr(path):
                os.removexattr(path, key)

    STEPS = [create] * 4 + [make_directory] * 3 + [write] * 3 + [link] * 2 + [rename] * 2 + [
        rename_directory, delete, delete_tree, write_and_set_back, part_links, symlink, special,
        chmod, chown, set_time, set_attribute, set_attribute, remove_attribute]

    def edit(self, steps):
        for _ in range(steps):
            step = self.random.choice(self.STEPS)
            self.log.append(step.__name__)
            step(self)
