"""changejournal-restic and changejournal-borg with the real programs."""
import json
import os
import shutil
import sys

import fixture
from fixture import run
from random_tree import look


class Snapshots:
    """What holds for both. A case says how to list and restore."""

    def setUp(self):
        super().setUp()
        self.repository = self.path("repository")
        self.state = self.path("position")
        self.environment = dict(os.environ, RESTIC_PASSWORD="none", HOME=self.work,
                                BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes",
                                XDG_CACHE_HOME=self.path("cache"))
        self.initialize()

    def go(self, *options, check=0):
        return self.tool(self.NAME, f"--state-directory={self.state}",
                         f"--repository={self.repository}", *options, self.source, check=check,
                         env=self.environment)

    def command(self, *words, cwd=None):
        return run(*words, check=0, env=self.environment, cwd=cwd, errors="replace").stdout

    def restored(self):
        """Where the newest snapshot has put the source."""
        target = self.path("restored")
        shutil.rmtree(target, ignore_errors=True)
        os.mkdir(target)
        self.restore(target)
        return target + self.source

    def write_source(self, name, text="x"):
        with open(os.path.join(self.source, name), "w", encoding="ascii") as file:
            file.write(text)

    def test_full_snapshots_and_skipped_ones(self):
        for _ in range(3):
            self.editor.edit(40)
            self.go()
            self.assert_same(self.restored(), link_times=self.LINK_TIMES)
        self.assertEqual(len(self.snapshots()), 3)
        self.assertIn("nothing has changed", self.go())
        self.assertEqual(len(self.snapshots()), 3)
        self.go("--full")
        self.assertEqual(len(self.snapshots()), 4)

    def test_a_narrow_snapshot_holds_what_changed(self):
        self.write_source("stays")
        os.mkdir(f"{self.source}/d")
        self.write_source("d/stays")
        self.go("--narrow", check=3)
        self.go()
        self.editor.edit(40)
        self.write_source("brand new\nline")
        # A relative list has ./ before a name that a reader of lists would take for something else.
        changed = {os.path.normpath(name) for name in self.daemon.ctl(
            "changes", "--since=" + self.token("narrow"), "-0", "--expand",
            f"--relative-to={self.source}", self.source, encoding="utf-8",
            errors="surrogateescape").stdout.split("\0") if name}
        self.go("--narrow")
        source, copy = look(os.fsencode(self.source)), look(os.fsencode(self.restored()))
        for name in map(os.fsencode, changed):
            if name in source and "content" in source[name]:
                self.assertEqual(source[name]["content"], copy[name]["content"], self.story())
        if os.path.isfile(f"{self.source}/stays") and "stays" not in changed:
            self.assertNotIn(b"stays", copy)
        # The list of what went is in it as well.
        with open(f"{self.path('restored')}{self.state}/deleted", "rb") as file:
            gone = {os.path.relpath(path, os.fsencode(self.source))
                    for path in file.read().split(b"\0") if path}
        self.assertEqual(gone & set(source), set())
        self.assertLessEqual(gone, set(map(os.fsencode, changed)))
        count = len(self.snapshots())
        self.assertIn(" 0 names", self.go("--narrow"))
        self.assertEqual(len(self.snapshots()), count)
        # A full one is due all the same: the narrow one took nothing from it.
        self.go()
        self.assertEqual(len(self.snapshots()), count + 1)
        self.assert_same(self.restored(), link_times=self.LINK_TIMES)

    def token(self, name):
        with open(os.path.join(self.state, name), encoding="ascii") as file:
            return file.read().strip()

    def test_a_failing_run_loses_nothing(self):
        self.write_source("a")
        self.go()
        tokens = self.token("full"), self.token("narrow")
        self.write_source("b")
        os.rename(self.repository, self.repository + ".away")
        self.go(check=1)
        self.go("--narrow", check=1)
        self.assertEqual((self.token("full"), self.token("narrow")), tokens)
        os.rename(self.repository + ".away", self.repository)
        self.go("--narrow")
        self.assertTrue(os.path.exists(self.restored() + "/b"))
        self.go()
        self.assert_same(self.restored(), link_times=self.LINK_TIMES)

    def test_rescan_needed_is_a_full_snapshot(self):
        self.write_source("a")
        self.go()
        for name in ("full", "narrow"):
            with open(os.path.join(self.state, name), "w", encoding="ascii") as file:
                file.write("cj1-00000000-1\n")
        self.go("--narrow", check=3)
        self.assertIn("of another journal", self.go())
        self.assertEqual(len(self.snapshots()), 2)
        self.assertIn("nothing has changed", self.go())


class Restic(Snapshots, fixture.TreeCase):
    NAME = "restic"
    LINK_TIMES = True

    def initialize(self):
        self.command("restic", "init", "--repo=" + self.repository)

    def snapshots(self):
        return json.loads(self.command("restic", "snapshots", "--json",
                                       "--repo=" + self.repository))

    def restore(self, target):
        self.command("restic", "restore", self.snapshots()[-1]["id"], "--target=" + target,
                     "--repo=" + self.repository)


class Borg(Snapshots, fixture.TreeCase):
    NAME = "borg"
    LINK_TIMES = True

    def initialize(self):
        self.command("borg", "init", "--encryption=none", self.repository)

    def snapshots(self):
        return self.command("borg", "list", "--short", "--sort-by=timestamp",
                            self.repository).splitlines()

    def restore(self, target):
        self.command("borg", "extract", "--numeric-ids",
                     f"{self.repository}::{self.snapshots()[-1]}", cwd=target)


if __name__ == "__main__":
    # The case to run is named like its program; the other one may be missing.
    fixture.main(sys.argv[3].split(".")[0].lower(), "mkfs.ext4")
