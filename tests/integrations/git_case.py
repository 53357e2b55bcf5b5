"""A git repository on an ext4 with a daemon, and what git says with the hook and without."""
import os
import shutil

import fixture
from fixture import SEED, eventually, run

import daemon_fixture
from git_repository import UID, Repository


def hook(socket):
    return f"{daemon_fixture.CTL} --socket={socket} git-fsmonitor"


RECORDING = """#!/bin/sh
{hook} "$@" >{file}
cat {file}
"""


class GitCase(fixture.TreeCase):
    def setUp(self):
        super().setUp()
        # Users are told less where directories above change all the time, as /tmp does.
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        quiet = f"/mnt/{self.id()}"
        os.mkdir(quiet)
        run("mount", "--move", self.source, quiet, check=0)
        self.addCleanup(run, "umount", "-l", quiet)
        self.source = quiet
        self.daemon = self.start(watch=quiet)
        self.number = 0
        self.home = self.path("home")
        os.mkdir(self.home)
        os.chown(self.home, UID, UID)

    def repository(self, untracked_cache=False, below="", uid=UID, fsmonitor=True):
        self.number += 1
        above = os.path.join(self.source, below, f"user{self.number}")
        os.makedirs(above + "/repo")
        for path in (above, above + "/repo"):
            os.chown(path, uid, uid)
        made = Repository(above + "/repo", self.home, f"{SEED} {self.id()} {self.number}", uid)
        made.git("init", "-q", "-b", "one")
        if fsmonitor:
            made.git("config", "core.fsmonitor", hook(self.daemon.socket))
        made.modes = ["all", "normal", "no"]
        made.git("config", "core.untrackedCache", "true" if untracked_cache else "false")
        if untracked_cache:
            # With all edits, commands and modes this test fails on most seeds with git 2.39, its
            # cache and a hook that always fails; on some, with one that always says "/", or without
            # any. One reason is in git_alone(). What else seemed to be met is left out: untracked
            # directories that are shown as one and lose something deep below, directories that
            # become a repository or may not be read any more, and files that git takes away. The
            # cache serves "all" only where that is the default.
            self.record_answers(made)
            made.modes = ["all", "no"]
            made.commands = [Repository.stage, Repository.commit, Repository.commit_tracked,
                             Repository.diff]
            made.edits = [edit for edit in made.EDITS
                          if edit not in (Repository.nested, Repository.close_directory)]
            made.git("config", "status.showUntrackedFiles", "all")
        made.git("commit", "-q", "--allow-empty", "-m", "first")
        self.end_period()
        return made

    def record_answers(self, repository):
        """What the hook said last, and the index of before, are kept for git_alone()."""
        script, repository.answer = self.path(f"hook{self.number}"), self.path("home/answer")
        repository.before = self.path("home/before")
        with open(script, "w", encoding="utf-8") as out:
            out.write(RECORDING.format(hook=hook(self.daemon.socket), file=repository.answer))
        os.chmod(script, 0o755)
        if os.path.exists(repository.answer):
            os.unlink(repository.answer)
        repository.git("config", "core.fsmonitor", script)

    def end_period(self):
        """What is told of the first period, and of gaps, is everything."""
        self.assertTrue(eventually(lambda: not self.daemon.call(
            "org.changejournal.GetStatus")["parameters"]["crawl"]["running"]))
        self.daemon.ctl("checkpoint")

    def looked(self, repository, *words, **more):
        done = repository.start(*words, **more)
        # Which directories it could not open is said by both, but not in the same words.
        self.assertNotIn(b"changectl", done.stderr)
        return done.stdout

    def copy_index(self, repository, copy, of=None):
        index = of or os.path.join(repository.top, os.fsdecode(
            repository.git("rev-parse", "--git-path", "index")).rstrip("\n"))
        shutil.copy(index, copy)
        os.chown(copy, repository.uid, repository.uid)
        return copy

    def truth(self, repository, *words, cache="false", index=None):
        """Without the hook, on an index of its own."""
        copy = self.copy_index(repository, os.path.join(self.home, "index"), index)
        plain = ["core.fsmonitor=false", f"core.untrackedCache={cache}"]
        return repository.git(*words, environment={"GIT_INDEX_FILE": copy}, configuration=plain)

    def git_alone(self, repository, words, told):
        """Whether the hook said that anything may have changed, and git with its cache alone says
        the same as with the hook: by whole seconds of a directory's time it takes what has changed
        for unchanged, if the index was written in a later second without a look into it."""
        if not repository.before:
            return False
        with open(repository.answer, "rb") as file:
            everything = file.read().split(b"\0")[1:] == [b"/", b""]
        return everything and told == self.truth(repository, *words, cache="true",
                                                 index=repository.before)

    def assert_same_answer(self, repository, words):
        if repository.before:
            self.copy_index(repository, repository.before)
        told, real = self.looked(repository, *words), self.truth(repository, *words)
        if told == real:
            return
        if not self.git_alone(repository, words, told):
            raise AssertionError(f"{words}:\n{told!r}\nis not\n{real!r}\n{repository.story()}")
        print(f"git is wrong without us, too: {words}", flush=True)
        for option in ("--no-untracked-cache", "--force-untracked-cache"):
            repository.git("update-index", option)

    def assert_right(self, repository, modes=("all", "normal")):
        questions = [["status", "--porcelain=v2", "-z", f"--untracked-files={mode}"]
                     for mode in modes]
        for words in [*questions, ["diff-files", "--name-status", "-z"]]:
            if words[0] == "diff-files":
                # It does not look again at files whose times alone have changed.
                repository.git("update-index", "-q", "--refresh", check=None)
            self.assert_same_answer(repository, words)

    def restart(self):
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        self.daemon = self.start(watch=self.source)
