"""A git work tree that is edited at random, by hand and by git."""
import os
import random
import shutil
import stat
import subprocess

from fixture import SEED

UID = 1947


class Repository:
    """Somebody's work tree, and what he does in it. The same seed does the same."""

    def __init__(self, top, home, seed, uid=UID):
        self.top, self.home, self.uid = top, home, uid
        self.random = random.Random(seed)
        self.log = []
        self.answer = self.before = None  # see GitCase.record_answers()
        self.edits, self.commands = self.EDITS, self.COMMANDS

    def start(self, *words, check=0, top=None, environment=(), configuration=()):
        settings = {"HOME": self.home, "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "LC_ALL": "C",
                    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", **dict(environment)}
        if os.environ.get("CJ_GIT_TRACE"):
            settings["GIT_TRACE_FSMONITOR"] = os.environ["CJ_GIT_TRACE"]
            with open(os.environ["CJ_GIT_TRACE"], "ab") as file:
                file.write(f"\n{self.log[-6:]} {words} {environment}\n".encode())
        more = {}
        if self.uid:
            more = {"user": self.uid, "group": self.uid, "extra_groups": []}
        options = [word for pair in configuration for word in ("-c", pair)]
        done = subprocess.run(["git", *options, *words], cwd=top or self.top, env=settings,
                              capture_output=True, timeout=120, check=False, **more)
        if check is not None and done.returncode != check:
            raise AssertionError(f"git {words}: exit {done.returncode}\n{done.stderr!r}\n"
                                 f"{self.story()}")
        return done

    def story(self):
        return f"CJ_SEED={SEED} replays; edits: {' '.join(self.log)}"

    def git(self, *words, **more):
        return self.start(*words, **more).stdout

    # What edits the tree runs as root, which asks nobody, and gives it to the user.

    def own(self, path):
        if self.uid:
            os.lchown(path, self.uid, self.uid)

    def path(self):
        """Few names, so that what comes often stands where something else was."""
        depth = self.random.choice([1, 1, 2, 2, 3, 4])
        names = ["a", "b", "c", "d", "e e", "f\n", "g.o", ".h", "a.b", "a-", "\udcff\udcfe",
                 "GIT~2"]
        return os.path.join(self.top, *(self.random.choice(names) for _ in range(depth)))

    def some(self, want):
        found = []
        for folder, folders, files in os.walk(self.top):
            if folder == self.top:
                folders[:] = [name for name in folders if name != ".git"]
                files = [name for name in files if name != ".git"]
            folders.sort()
            for name in sorted(folders + files):
                path = os.path.join(folder, name)
                if "/.git" not in path[len(self.top):].replace("/.gitignore", "") and \
                        want(os.lstat(path)):
                    found.append(path)
        return self.random.choice(found) if found else None

    def clear(self, path):
        """Makes way for `path`, and all that is above it."""
        above = os.path.dirname(path)
        if above != self.top and not (os.path.isdir(above) and not os.path.islink(above)):
            self.clear(above)
            os.mkdir(above)
            self.own(above)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    def create(self):
        path = self.path()
        self.clear(path)
        with open(path, "wb") as file:
            file.write(self.random.randbytes(self.random.choice([0, 10, 300])))
        self.own(path)

    def make_directory(self):
        path = self.path()
        self.clear(path)
        os.mkdir(path)
        self.own(path)
        for name in self.random.sample(["a", "b", "c", "d", ".h"], self.random.randrange(4)):
            with open(os.path.join(path, name), "wb") as file:
                file.write(self.random.randbytes(5))
            self.own(os.path.join(path, name))

    def write(self):
        path = self.some(lambda s: stat.S_ISREG(s.st_mode))
        if path:
            with open(path, "ab") as file:
                file.write(b"more\n")

    def write_same_size(self):
        path = self.some(lambda s: stat.S_ISREG(s.st_mode) and s.st_size)
        if path:
            with open(path, "r+b") as file:
                file.write(self.random.randbytes(1))

    def touch(self):
        path = self.some(lambda s: stat.S_ISREG(s.st_mode))
        if path:
            os.utime(path)

    def delete(self):
        path = self.some(lambda s: not stat.S_ISDIR(s.st_mode))
        if path:
            os.unlink(path)

    def delete_tree(self):
        path = self.some(lambda s: stat.S_ISDIR(s.st_mode))
        if path:
            shutil.rmtree(path)

    def move(self, path):
        to = self.path()
        inside = path and ((to + "/").startswith(path + "/") or (path + "/").startswith(to + "/"))
        if path and not inside:
            self.clear(to)
            if os.path.lexists(path):
                os.rename(path, to)

    def rename(self):
        self.move(self.some(lambda s: not stat.S_ISDIR(s.st_mode)))

    def rename_directory(self):
        self.move(self.some(lambda s: stat.S_ISDIR(s.st_mode)))

    def take_out_and_back(self):
        """A directory that is changed where nobody watches."""
        path = self.some(lambda s: stat.S_ISDIR(s.st_mode))
        if path:
            outside = os.path.join(os.path.dirname(self.top), "outside")
            os.rename(path, outside)
            with open(os.path.join(outside, "stranger"), "wb"):
                pass
            os.rename(outside, path)

    def chmod(self):
        path = self.some(lambda s: stat.S_ISREG(s.st_mode))
        if path:
            os.chmod(path, self.random.choice([0o644, 0o755]))

    def close_directory(self):
        path = self.some(lambda s: stat.S_ISDIR(s.st_mode))
        if path:
            os.chmod(path, self.random.choice([0o755, 0o755, 0, 0o600, 0o300]))

    def symlink(self):
        path = self.path()
        self.clear(path)
        os.symlink(self.random.choice(["a", "../b", "/etc", "gone"]), path)
        self.own(path)

    def ignore(self):
        above = self.some(lambda s: stat.S_ISDIR(s.st_mode)) or self.top
        path = os.path.join(self.random.choice([self.top, above]), ".gitignore")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.random.choice(["*.o\n", "a\n", "c/\n", "", "!b\n*.o\n"]))
        self.own(path)

    def nested(self):
        """A repository in the work tree comes, or goes."""
        above = self.some(lambda s: stat.S_ISDIR(s.st_mode))
        if above and os.path.isdir(above + "/.git"):
            shutil.rmtree(above + "/.git")
        elif above:
            os.chmod(above, 0o755)
            self.git("init", "-q", top=above, check=None)

    def stage(self):
        self.git("add", "-A", check=None)

    def commit(self):
        self.git("add", "-A", check=None)
        self.git("commit", "-q", "--allow-empty", "-m", "x", check=None)

    def commit_tracked(self):
        self.git("commit", "-q", "-a", "-m", "y", check=None)

    def branch(self):
        name = self.random.choice(["one", "two", "three"])
        if self.git("checkout", "-q", "-f", name, check=None) == b"":
            self.git("checkout", "-q", "-B", name, check=None)

    def stash(self):
        self.git("stash", "-q", *self.random.choice([[], ["-u"]]), check=None)

    def unstash(self):
        self.git("stash", "pop", "-q", check=None)

    def back(self):
        self.git("reset", "-q", "--hard", "HEAD~1", check=None)

    def diff(self):
        """Writes the index, and looks for no untracked files."""
        self.git("diff", check=None)

    EDITS = [create] * 4 + [make_directory] * 3 + [write] * 3 + [rename_directory] * 3 + [
        write_same_size, touch, delete, delete_tree, rename, take_out_and_back, chmod,
        close_directory, symlink, ignore, nested]
    COMMANDS = [stage, commit, commit, commit_tracked, branch, stash, unstash, back, diff, diff]

    def step(self):
        edits = self.random.choice([1, 1, 1, 3])
        for edit in [self.random.choice(self.edits) for _ in range(edits)]:
            self.log.append(edit.__name__)
            edit(self)
        if self.random.random() < 0.4:
            command = self.random.choice(self.commands)
            self.log.append(command.__name__)
            command(self)
