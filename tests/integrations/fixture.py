"""A real ext4 with a real daemon, and the programs of integrations/ to be run on it."""
import os
import random
import shutil
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "service"))
sys.path.insert(0, os.path.join(TOP, "integrations"))
sys.dont_write_bytecode = True

import daemon_fixture  # noqa: E402
from daemon_fixture import eventually, run  # noqa: E402,F401
from random_tree import Editor, differences, look  # noqa: E402

SEED = int(os.environ.get("CJ_SEED") or random.randrange(10**9))
# Longer than the programs let others stand still.
PATIENCE = 300
ROUNDS = int(os.environ.get("CJ_ROUNDS") or 5)


def need(*programs):
    """Ends the program as skipped where one is missing."""
    for program in programs:
        if not shutil.which(program):
            print(f"SKIPPED: {program} is not installed")
            sys.exit(4)


class TreeCase(daemon_fixture.DaemonCase):
    """self.source is an ext4 that is watched; self.editor edits it."""

    def setUp(self):
        super().setUp()
        image = os.path.join(self.work, "ext4.img")
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        run("mkfs.ext4", "-q", image, check=0)
        self.source = os.path.join(self.work, "source")
        os.mkdir(self.source)
        # strictatime: who reads a directory leaves a trace.
        run("mount", "-o", "loop,strictatime", image, self.source, check=0)
        os.rmdir(os.path.join(self.source, "lost+found"))
        self.daemon = self.start(watch=self.source)
        self.editor = Editor(self.source, f"{SEED} {self.id()}")

    def tearDown(self):
        for daemon in self.daemons:
            daemon.stop()
        self.daemons = []
        with open("/proc/self/mounts", encoding="utf-8") as file:
            places = [line.split()[1] for line in file]
        for place in places:
            if place.startswith(self.work + "/"):
                run("umount", "-l", place)
        super().tearDown()  # removes the directory, which must not be busy

    def tool(self, name, *words, check=0, program=None, **more):
        """Runs one of our programs; returns what it wrote. `check`: the exit status that it has to
        have, or several, or None for any."""
        command = [program or os.path.join(TOP, "integrations", "changejournal-" + name)]
        if name != "untar":
            command += [f"--changectl={daemon_fixture.CTL}", f"--socket={self.daemon.socket}"]
        done = run(*command, *words, timeout=PATIENCE, errors="replace", **more)
        good = check if isinstance(check, tuple) else (check,)
        if check is not None and done.returncode not in good:
            raise AssertionError(f"{name} {words}: exit {done.returncode}, not {check}\n"
                                 f"{done.stdout}{done.stderr}\n{self.story()}")
        return done.stdout + done.stderr

    def story(self):
        return f"CJ_SEED={SEED} replays; edits: {' '.join(self.editor.log)}"

    def assert_same(self, copy, source=None, **more):
        self.assert_same_facts(source or look(os.fsencode(self.source), **more),
                               look(os.fsencode(copy), **more))

    def assert_same_facts(self, source, copy):
        found = differences(source, copy)
        if found:
            raise AssertionError("\n".join([*found[:20], f"{len(found)} differences",
                                            self.story()]))

    def path(self, *names):
        return os.path.join(self.work, *names)

    def busy(self):
        """Somebody who edits the tree until the context ends."""
        return Busy(self.editor)


class Busy:
    def __init__(self, editor):
        self.editor = editor
        self.over = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.work)

    def work(self):
        try:
            while not self.over.is_set():
                self.editor.edit(1)
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        if self.failure:
            raise self.failure


def main(*programs):
    if os.environ.get("CJ_OWN_MOUNTS"):
        print(f"CJ_SEED={SEED}", flush=True)
    need(*programs)
    daemon_fixture.main()
