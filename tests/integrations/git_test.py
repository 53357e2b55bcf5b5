"""git's own status through `changectl git-fsmonitor`, against the same without it."""
import os
import shutil
import subprocess

import fixture
from fixture import run

import daemon_fixture
from git_case import GitCase, hook
from git_repository import UID, Repository

# Each question is asked of git twice, so a step takes long: few of them unless more are wanted.
ROUNDS = int(os.environ.get("CJ_ROUNDS") or 2)
STEPS = int(os.environ.get("CJ_STEPS") or 14)


class RandomEdits(GitCase):
    def play(self, repository):
        for number in range(ROUNDS * STEPS):
            if repository.random.random() < 0.04:
                repository.log.append("restart")
                self.restart()
                if repository.random.random() < 0.5:
                    self.end_period()
            elif repository.random.random() < 0.04:
                repository.log.append("change_offline")
                self.daemon.stop()
                self.daemons.remove(self.daemon)
                repository.step()
                # git works without a daemon, and is right.
                self.assert_right(repository, modes=["all"])
                self.daemon = self.start(watch=self.source)
            elif repository.random.random() < 0.1:
                repository.log.append("checkpoint")
                self.daemon.ctl("checkpoint")
            repository.step()
            self.assert_right(repository, modes=repository.random.sample(
                repository.modes, repository.random.choice([1, 1, 2])))

    def test_an_ordinary_user(self):
        self.play(self.repository())

    def test_an_ordinary_user_with_the_untracked_cache(self):
        self.play(self.repository(untracked_cache=True))

    def test_root(self):
        self.play(self.repository(uid=0))

    def test_root_with_the_untracked_cache(self):
        self.play(self.repository(untracked_cache=True, uid=0))


FORGETFUL = """#!/usr/bin/env python3
import subprocess, sys
said = subprocess.run([*{hook!r}.split(), *sys.argv[1:]], stdout=subprocess.PIPE).stdout
token, *names = said[:-1].split(b"\\0")
names = [name for name in names if name == b"/"]
sys.stdout.buffer.write(b"".join(name + b"\\0" for name in [token, *names]))
"""


class Mutation(GitCase):
    def test_a_hook_that_leaves_out_every_name_is_found_out(self):
        repository = self.repository()
        file = repository.top + "/file"
        with open(file, "wb"):
            pass
        repository.own(file)
        repository.commit()
        forgetful = self.path("forgetful")
        with open(forgetful, "w", encoding="utf-8") as out:
            out.write(FORGETFUL.format(hook=hook(self.daemon.socket)))
        os.chmod(forgetful, 0o755)
        repository.git("config", "core.fsmonitor", forgetful)
        # Begins with everything, twice: there is nothing to find out yet.
        for _ in range(3):
            self.end_period()
            self.assert_right(repository)
        with open(file, "ab") as out:
            out.write(b"more")
        with self.assertRaisesRegex(AssertionError, "is not"):
            self.assert_right(repository)
        repository.git("config", "core.fsmonitor", hook(self.daemon.socket))
        self.assert_right(repository)


class Answers(GitCase):
    """What the hook itself says."""

    def ask(self, repository, token, top=None, user=UID, options=()):
        done = subprocess.run([daemon_fixture.CTL, *(options or [f"--socket={self.daemon.socket}"]),
                               "git-fsmonitor", "2", token], cwd=top or repository.top, user=user,
                              group=user, extra_groups=[], capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertTrue(done.stdout.endswith(b"\0"))
        new, *names = done.stdout[:-1].split(b"\0")
        return new.decode(), [os.fsdecode(name) for name in names]

    def settled(self, repository, **more):
        """A token from which changes are told one by one."""
        token, names = self.ask(repository, "1763880000000000000", **more)
        self.assertEqual(names, ["/"])
        return self.ask(repository, token, **more)[0]

    def test_begins_with_everything_then_tells_names(self):
        repository = self.repository()
        os.makedirs(repository.top + "/old/deep")
        token, names = self.ask(repository, "")
        self.assertEqual(names, ["/"])
        # git may trust lists of untracked files that it made before: each directory is named, once.
        token, names = self.ask(repository, token)
        self.assertLessEqual({"~", "old/~", "old/deep/~"}, set(names))
        self.daemon.ctl("checkpoint")
        token, _ = self.ask(repository, token)
        self.assertEqual(self.ask(repository, token)[1], [])
        with open(repository.top + "/old/new", "wb"):
            pass
        with open(repository.top + "/.git/index.lock", "wb"):
            pass
        self.assertEqual(self.ask(repository, token)[1], ["old/new", "old/~"])
        os.rename(repository.top + "/old", repository.top + "/young")
        names = self.ask(repository, token)[1]
        self.assertLessEqual({"old", "old/", "young", "young/", "young/~", "young/deep/~"},
                             set(names))

    def test_nobody_answers(self):
        repository = self.repository()
        token = self.settled(repository)
        absent = ["--socket=" + self.path("absent")]
        self.assertEqual(self.ask(repository, token, options=absent), (token, ["/"]))
        self.assertEqual(self.ask(repository, "c:1:2", options=absent), ("none", ["/"]))
        self.restart()  # nothing of ours is kept over a restart here: a gap
        for foreign in ("", "c:17:1", "builtin:fake", "none", "cj1-00000000-1@0011+untracked"):
            new, names = self.ask(repository, foreign)
            self.assertEqual(names, ["/"])
            self.assertTrue(new.endswith("+untracked"), new)
        new, names = self.ask(repository, token)
        self.assertIn("/", names)

    def test_where_nobody_watches(self):
        repository = self.repository()
        os.makedirs(repository.top + "/part", exist_ok=True)
        token = self.settled(repository)
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        # A part of the work tree is not enough.
        self.daemon = self.start(watch=repository.top + "/part")
        for _ in range(2):
            token, names = self.ask(repository, token)
            self.assertEqual(names, ["/"])
        self.assertEqual(self.ask(repository, token, top=self.path("home"))[1], ["/"])

    def test_a_mount_in_the_work_tree(self):
        repository = self.repository()
        token = self.settled(repository)
        os.mkdir(repository.top + "/other disk")
        run("mount", "-t", "tmpfs", "tmpfs", repository.top + "/other disk", check=0)
        # Nor is what git sees now good for later.
        self.assertEqual(self.ask(repository, token), ("none", ["/"]))
        run("umount", repository.top + "/other disk", check=0)

    def test_an_index_that_came_with_a_copy(self):
        repository = self.repository()
        token = self.settled(repository)
        shutil.copytree(repository.top, repository.top + ".copy")
        self.assertEqual(self.ask(repository, token, top=repository.top + ".copy")[1], ["/"])

    def test_renamed_above(self):
        repository = self.repository()
        token = self.settled(repository)
        self.end_period()
        above = os.path.dirname(repository.top)
        os.rename(above, above + ".new")
        self.assertEqual(self.ask(repository, token, top=above + ".new/repo")[1], ["/"])

    def test_reached_through_a_link(self):
        repository = self.repository()
        token = self.settled(repository)
        os.symlink(repository.top, self.path("link"))
        with open(repository.top + "/new", "wb"):
            pass
        self.assertIn("new", self.ask(repository, token, top=self.path("link"))[1])

    def test_large_answers_end_the_period_for_those_who_may(self):
        for user, ends in ((UID, False), (0, True)):
            repository = self.repository(uid=user)
            token = self.settled(repository, user=user)
            for number in range(1100):
                with open(f"{repository.top}/{number}", "wb"):
                    pass
            before = len(self.daemon.ctl("periods", "--json").stdout.splitlines())
            token, names = self.ask(repository, token, user=user)
            self.assertGreater(len(names), 1100)
            after = len(self.daemon.ctl("periods", "--json").stdout.splitlines())
            self.assertEqual(after - before, 1 if ends else 0)
            token, names = self.ask(repository, token, user=user)
            self.assertGreater(len(names), 1100)
            if ends:
                self.assertEqual(self.ask(repository, token, user=user)[1], [])
                self.assertEqual(
                    len(self.daemon.ctl("periods", "--json").stdout.splitlines()), after)

    def test_what_is_excluded_is_not_missed(self):
        """Nothing is told of it: git looks by itself. No checkpoint is made for that."""
        repository = self.repository()
        for name in ("built", "file"):
            with open(f"{repository.top}/{name}", "wb"):
                pass
            repository.own(f"{repository.top}/{name}")
        repository.commit()
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        with open(self.path("excluding.conf"), "w", encoding="utf-8") as out:
            out.write(f"[Watch]\nPath={self.source}\nExclude=*/built\n")
        self.daemon = self.start("--config=" + self.path("excluding.conf"), watch=None)
        for _ in range(3):
            self.end_period()
            self.assert_right(repository)
        for name in ("built", "file"):
            with open(f"{repository.top}/{name}", "ab") as out:
                out.write(b"more")
        def periods():
            return len(self.daemon.ctl("periods", "--json").stdout.splitlines())

        before = periods()
        names = repository.git("diff", "--name-only").split()
        self.assertEqual(names, [b"built", b"file"])
        self.assertEqual(periods(), before)

    def test_version_1_is_refused(self):
        done = self.daemon.ctl("git-fsmonitor", "1", "17", check=2)
        self.assertIn("core.fsmonitorHookVersion", done.stderr)


class Untracked(GitCase):
    """git's lists of untracked files, which it keeps in its index."""

    def test_lists_from_before_a_gap(self):
        repository = self.repository(untracked_cache=True)
        os.makedirs(repository.top + "/d")
        for name in ("d/tracked", "d/untracked"):
            with open(f"{repository.top}/{name}", "wb"):
                pass
        repository.git("add", "d/tracked")
        for _ in range(3):
            self.assert_right(repository, ["all"])
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        with open(repository.top + "/d/new", "wb"):
            pass
        self.daemon = self.start(watch=self.source)
        # Takes the answer "everything", and looks for no untracked files.
        repository.git("diff")
        self.end_period()
        repository.git("update-index", "--refresh")
        self.end_period()
        for _ in range(3):
            self.assert_right(repository, ["all"])

    def test_a_directory_that_becomes_a_repository(self):
        repository = self.repository()
        os.makedirs(repository.top + "/d/e")
        with open(repository.top + "/d/e/f", "wb"):
            pass
        for path in ("/d", "/d/e", "/d/e/f"):
            repository.own(repository.top + path)
        self.assert_right(repository)
        repository.git("init", "-q", top=repository.top + "/d")
        self.assert_right(repository)
        shutil.rmtree(repository.top + "/d/.git")
        self.assert_right(repository)


class WorkTrees(GitCase):
    def test_of_one_repository(self):
        repository = self.repository()
        with open(repository.top + "/file", "wb"):
            pass
        repository.commit()
        second = repository.top + "2"
        repository.git("worktree", "add", "-q", second)
        other = Repository(second, self.home, 0)
        for _ in range(2):
            for tree in (repository, other):
                self.assert_right(tree)
                with open(tree.top + "/file", "ab") as file:
                    file.write(b"x")
                with open(tree.top + "/new", "ab") as file:
                    file.write(b"x")
                self.assert_right(tree)

    def test_a_repository_that_lies_elsewhere(self):
        repository = self.repository()
        away = repository.top + ".away"
        os.rename(repository.top + "/.git", away)
        with open(repository.top + "/.git", "w", encoding="utf-8") as file:
            file.write(f"gitdir: {away}\n")
        repository.own(repository.top + "/.git")
        for _ in range(20):
            for edit in (repository.create, repository.make_directory, repository.write):
                edit()
            self.assert_right(repository)

    def test_a_submodule(self):
        inner, outer = self.repository(), self.repository()
        with open(inner.top + "/file", "wb"):
            pass
        inner.commit()
        outer.git("submodule", "add", "-q", inner.top, "sub",
                  configuration=["protocol.file.allow=always"])
        outer.git("commit", "-q", "-m", "sub")
        for name in ("sub/file", "sub/new", "beside"):
            self.assert_right(outer)
            with open(f"{outer.top}/{name}", "ab") as file:
                file.write(b"x")
            outer.own(f"{outer.top}/{name}")
            self.assert_right(outer)


if __name__ == "__main__":
    if os.environ.get("CJ_OWN_MOUNTS"):
        run("mount", "-t", "tmpfs", "tmpfs", "/mnt", check=0)
    fixture.main("mkfs.ext4", "git")
