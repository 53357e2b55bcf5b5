"""Random trees with random owners and modes, and what their users are told of random changes in
them. Nothing that a user could not list at some time in the interval is told to him; all that
differs in what he can list is. CJ_SEED replays a run, CJ_ROUNDS says how long it is."""
import base64
import ctypes
import json
import mmap
import os
import random
import shutil
import signal
import stat
import subprocess

import daemon_fixture
import viewers_fixture
from daemon_fixture import run

SEED = int(os.environ.get("CJ_SEED") or random.SystemRandom().randrange(2**32))
ROUNDS = int(os.environ.get("CJ_ROUNDS") or 40)
USERS = {"ann": (61001, 61001, []), "bob": (61002, 61002, [61010])}
# Few, so that what comes often stands where something else was; some as hostile as names can be.
NAMES = ["a", "b", "c", "d", "e e\n\"", "\udcff\udcfe"]
AT_FDCWD, RENAME_EXCHANGE = -100, 2
MODES = [0o700, 0o711, 0o744, 0o750, 0o755, 0o755, 0o1777]
CLOSED = "closed"
OWNERS = [0, 61001, 61002]
GROUPS = [0, 61010]


def listing(directories):
    """All that whoever runs this can list in them, and what he sees of it. Also in those that he
    would not find by walking: whoever knows its name may list a directory in one that he may only
    search."""
    seen = {}
    for directory in sorted(directories):
        try:
            names = os.listdir(directory)
            os.stat(directory + "/.")
        except OSError:
            if directory in seen:
                seen[directory] += (CLOSED,)
            continue
        for name in names:
            path = f"{directory}/{name}"
            status = os.lstat(path)
            # A link count is not among what a reader has to hear of.
            seen[path] = (status.st_mode, status.st_uid, status.st_gid, status.st_size,
                          status.st_mtime_ns, status.st_ino)
            if stat.S_ISDIR(status.st_mode):
                # Its size is of names, too.
                seen[path] = seen[path][:3] + (0,) + seen[path][4:]
    return seen


def directories_below(top):
    return [directory for directory, _, _ in os.walk(top)]


def is_kind(path, kind):
    """The path itself, not what a link leads to."""
    return os.path.lexists(path) and kind(os.lstat(path).st_mode)


def is_directory(path):
    return is_kind(path, stat.S_ISDIR)


def is_file(path):
    return is_kind(path, stat.S_ISREG)


def with_names(line):
    """Names that are not UTF-8 come as base64; here they are as Python has them."""
    for end in ("path", "from"):
        if end + "_base64" in line:
            line[end] = os.fsdecode(base64.b64decode(line.pop(end + "_base64")))
    return line


class Looker:
    """A process of the user's that looks at the tree when it is asked."""

    def __init__(self, user, top):
        self.user, self.top = user, top
        self.words, words = os.pipe()
        orders, self.orders = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            os.close(self.orders)
            uid, gid, groups = user
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            with os.fdopen(words, "w", encoding="utf-8") as out:
                for directories in os.fdopen(orders, encoding="utf-8"):
                    out.write(json.dumps(listing(json.loads(directories))) + "\n")
                    out.flush()
            os._exit(0)
        os.close(words)
        os.close(orders)
        self.answers = os.fdopen(self.words, encoding="utf-8")

    def look(self):
        os.write(self.orders, json.dumps(directories_below(self.top)).encode() + b"\n")
        return json.loads(self.answers.readline())

    def end(self):
        os.close(self.orders)
        os.kill(self.child, signal.SIGKILL)  # another one has inherited its orders
        os.waitpid(self.child, 0)
        self.answers.close()

    def identity(self):
        uid, gid, groups = self.user
        return {"user": uid, "group": gid, "extra_groups": groups}


class Tree:
    """Changes of a tree, at random."""

    def __init__(self, top, dice):
        self.top, self.dice, self.count, self.story = top, dice, 0, []
        self.renameat2 = ctypes.CDLL(None, use_errno=True).renameat2

    def all(self):
        return sorted(listing(directories_below(self.top)))

    def directories(self):
        return [self.top] + [path for path in self.all() if is_directory(path)]

    def pick(self, paths):
        return self.dice.choice(paths) if paths else None

    def somewhere(self):
        return f"{self.pick(self.directories())}/{self.pick(NAMES)}"

    def make(self):
        path = self.somewhere()
        if not os.path.lexists(path):
            os.mkdir(path, self.pick(MODES))
        return path

    def write(self):
        path = self.somewhere()
        if is_file(path) or not os.path.lexists(path):
            self.count += 1
            with open(path, "w", encoding="utf-8") as file:
                file.write("x" * self.count)
        return path

    def write_mapped(self):
        """Without write(2): that the file is closed tells it."""
        path = self.pick([path for path in self.all() if is_file(path)])
        if path and os.path.getsize(path):
            with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as page:
                page[0] ^= 1
        return path

    def special(self):
        path = self.somewhere()
        if not os.path.lexists(path):
            if self.dice.random() < 0.7:
                os.symlink(self.pick([self.top, "a", "../b", "gone"]), path)
            else:
                os.mkfifo(path)
        return path

    def exchange(self):
        one, other = self.pick(self.all()), self.pick(self.all())
        if one:  # Into itself it refuses.
            self.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other),
                           RENAME_EXCHANGE)
        return one, other

    def remove(self):
        path = self.pick(self.all())
        if path and is_directory(path):
            shutil.rmtree(path)
        elif path:
            os.unlink(path)
        return path

    def rename(self):
        source, target = self.pick(self.all()), self.somewhere()
        try:
            if source:
                os.rename(source, target)
        except OSError:
            pass  # into itself, or onto what is of another kind
        return source, target

    def link(self):
        source, target = self.pick(self.all()), self.somewhere()
        if source and is_file(source) and not os.path.lexists(target):
            os.link(source, target)
        return source, target

    def mode(self):
        path, mode = self.pick(self.directories()[1:]), self.pick(MODES)
        if path:
            os.chmod(path, mode)
        return path, oct(mode)

    def owner(self):
        path = self.pick(self.directories()[1:])
        owner, group = self.pick(OWNERS), self.pick(GROUPS)
        if path:
            os.chown(path, owner, group)
        return path, owner, group

    def access(self):
        path, user = self.pick(self.directories()[1:]), self.pick(OWNERS[1:])
        if path:
            run("setfacl", "-m", f"u:{user}:{self.pick(['rx', 'x', '---'])}", path, check=0)
        return path, user

    def change(self):
        what = self.dice.choices(
            [self.make, self.write, self.remove, self.rename, self.link, self.mode, self.owner,
             self.access, self.write_mapped, self.special, self.exchange],
            [4, 6, 3, 5, 2, 4, 2, 1, 1, 2, 2])[0]
        self.story.append((what.__name__, what()))


class RandomTrees(viewers_fixture.QuietCase):
    def setUp(self):
        super().setUp()
        os.umask(0)
        self.dice = random.Random(SEED)
        self.tree = Tree(self.mount, self.dice)
        for _ in range(30):
            self.tree.change()
        self.daemon = self.start()
        self.lookers = {name: Looker(user, self.mount) for name, user in USERS.items()}
        self.refused = self.listed = 0

    def tearDown(self):
        for looker in self.lookers.values():
            looker.end()
        super().tearDown()

    def ctl(self, name, *words, check=None):
        return self.daemon.ctl(*words, check=check, encoding="utf-8", errors="surrogateescape",
                               **self.lookers[name].identity())

    def told(self, name, since, *words):
        said = self.ctl(name, "changes", f"--since={since}", "--format=json", *words, check=0)
        return [with_names(json.loads(line)) for line in said.stdout.splitlines()][:-1]

    def assert_listable(self, paths, could_list, what):
        above = {self.mount[:i] for i, c in enumerate(self.mount) if c == "/"} | {self.mount, "/"}
        secret = {path for path in paths if path not in could_list and path not in above}
        self.assertEqual(secret, set(), f"{what}\nCJ_SEED={SEED}\n{self.tree.story}")

    def assert_covered(self, before, now, lines):
        named, trees = set(), set()
        for line in lines:
            ends = {line["path"], line.get("from", line["path"])}
            named |= ends
            if line.get("recursive"):
                trees |= ends
        for path in set(before) | set(now):
            if before.get(path) == now.get(path) or path in named:
                continue
            above = path
            while above != "/" and above not in trees:
                above = os.path.dirname(above)
            self.assertIn(above, trees, f"{path} is not covered\nCJ_SEED={SEED}\n"
                                        f"{self.tree.story}\n{lines}")

    def assert_once(self, lines, what):
        """No directory stands for all that is below it twice."""
        told = [json.dumps(line, sort_keys=True) for line in lines
                if line["change"] == "modified" and line.get("recursive")]
        self.assertEqual(len(told), len(set(told)),
                         f"{what}\nCJ_SEED={SEED}\n{self.tree.story}\n{lines}")

    def assert_listed(self, before, now, names):
        """A list names each path that differs, or one above it that is no directory any more, or
        none that he may list."""
        def stands_for_all(path):
            return path in names and (not is_directory(path) or CLOSED in now.get(path, ()))
        for path in set(before) | set(now):
            if before.get(path) == now.get(path) or path in names:
                continue
            above = os.path.dirname(path)
            while above != "/" and not stands_for_all(above):
                above = os.path.dirname(above)
            self.assertNotEqual(above, "/", f"{path} is not listed\nCJ_SEED={SEED}\n"
                                            f"{self.tree.story}\n{sorted(names)}")

    def test_nothing_is_told_that_a_user_could_not_list_and_all_that_he_could(self):
        begin = self.daemon.ctl("checkpoint").stdout.strip()
        ever = {name: set(looker.look()) for name, looker in self.lookers.items()}
        feeds = {name: subprocess.Popen(
            [daemon_fixture.CTL, f"--socket={self.daemon.socket}", "follow", "--json",
             f"--since={begin}"], stdout=subprocess.PIPE, **looker.identity())
            for name, looker in self.lookers.items()}
        for number in range(ROUNDS):
            self.tree.story = []
            since = self.daemon.ctl("checkpoint").stdout.strip()
            before = {name: looker.look() for name, looker in self.lookers.items()}
            could = {name: set(seen) for name, seen in before.items()}
            for _ in range(self.dice.randrange(1, 15)):
                self.tree.change()
                for name, looker in self.lookers.items():
                    could[name] |= set(looker.look())
            for name, looker in self.lookers.items():
                ever[name] |= could[name]
                self.check(number, name, since, before[name], looker.look(), could[name])
                self.check_log(name, since, could[name])
        for name, feed in feeds.items():
            self.check_feed(name, feed, ever[name])
        print(f"{self.listed} lists, {self.refused} refused")

    def check(self, number, name, since, before, now, could):
        what = f"round {number}, {name}"
        for words in ((), ("--expand",), ("--existing",), ("--deleted",)):
            lines = self.told(name, since, *words)
            paths = {line["path"] for line in lines} | {line.get("from", "/") for line in lines}
            self.assert_listable(paths, could, f"{what} {words} {lines}")
            if words in ((), ("--expand",)):
                self.assert_covered(before, now, lines)
            if "--expand" not in words:  # which names what is below two of them twice
                self.assert_once(lines, f"{what} {words}")
        said = self.ctl(name, "changes", f"--since={since}", "-0", "--expand")
        self.assertIn(said.returncode, (0, 3), said.stderr)
        names = set(filter(None, said.stdout.split("\0")))
        self.assert_listable(names, could, f"{what} -0 --expand")
        if said.returncode == 0:
            self.listed += 1
            self.assert_listed(before, now, names)
        else:
            self.refused += 1
            self.assertNotIn(self.mount, said.stderr)

    def check_log(self, name, since, could):
        for order in ((), ("-r",), ("-n20",)):
            said = self.ctl(name, "log", f"--since={since}", "-ojson", *order, check=0)
            records = [with_names(json.loads(line)) for line in said.stdout.splitlines()]
            self.check_records(name, records, could)

    def check_records(self, name, records, could):
        paths = {record[end] for record in records for end in ("path", "from") if end in record}
        self.assert_listable(paths, could, f"log of {name}: {records}")
        for record in records:
            self.assertNotIn("object", record)
            self.assertEqual(record.get("pid", 0), 0)

    def check_feed(self, name, feed, ever):
        mark = f"{self.mount}/the-end"
        with open(mark, "w", encoding="utf-8"):
            pass
        records = []
        while mark not in {record.get("path") for record in records[-1:]}:
            records.append(with_names(json.loads(feed.stdout.readline())))
        feed.kill()
        feed.wait()
        feed.stdout.close()
        self.check_records(name, records, ever | {mark})


if __name__ == "__main__":
    if os.environ.get("CJ_OWN_MOUNTS"):
        print(f"CJ_SEED={SEED}", flush=True)
    os.environ["CJ_SEED"] = str(SEED)
    viewers_fixture.main()
