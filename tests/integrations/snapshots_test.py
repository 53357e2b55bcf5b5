"""changejournal-restic and changejournal-borg with the real programs."""
import json
import os
import re
import shutil
import stat
import sys

import fixture
from fixture import ROUNDS, TOP, run
from random_tree import look

STATES = "/var/lib/changejournal-integrations"


def procedure(name):
    """What docs/integrations says of getting the state of a narrowed snapshot, as a script."""
    with open(os.path.join(TOP, "docs", "integrations", name + ".md"), encoding="utf-8") as file:
        blocks = re.findall(r"(?:^    .*\n)+", file.read(), re.M)
    found = [block for block in blocks if "for narrow in" in block]
    assert len(found) == 1, found
    return re.sub(r"^    ", "", found[0], flags=re.M)


def manual(name):
    """The same, as the manual page has it."""
    with open(os.path.join(TOP, "docs", "man", f"changejournal-{name}.1"),
              encoding="utf-8") as file:
        blocks = re.findall(r"^\.nf\n(.*?)^\.fi$", file.read(), re.M | re.S)
    found = [block for block in blocks if "for narrow in" in block]
    assert len(found) == 1, found
    return found[0].replace("\\-", "-").replace("\\e", "\\").replace("\\(aq", "'")


class Snapshots:
    """What holds for both. A case says how to list and restore."""

    def setUp(self):
        super().setUp()
        self.repository = self.path("repository")
        self.state = self.path("states", "position")
        self.environment = dict(os.environ, RESTIC_PASSWORD="none", HOME=self.work,
                                BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes",
                                XDG_CACHE_HOME=self.path("cache"))
        os.mkdir(self.path("states"))
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
        # The lists are in it as well: all that was named, and what is a directory now apart.
        listed = {}
        for kind in ("deleted", "directories"):
            with open(f"{self.path('restored')}{self.state}/{kind}", "rb") as file:
                listed[kind] = {os.path.relpath(path, os.fsencode(self.source))
                                for path in file.read().split(b"\0") if path}
        directories = {name for name in source if stat.S_ISDIR(source[name]["mode"])}
        told = set(map(os.fsencode, changed))
        self.assertEqual(listed["directories"], told & directories - {b"."})
        self.assertEqual(listed["deleted"] & directories, set())
        self.assertLessEqual((told - directories) & set(source), listed["deleted"])
        self.assertLessEqual(listed["deleted"], told)
        count = len(self.snapshots())
        self.assertIn(" 0 names", self.go("--narrow"))
        self.assertEqual(len(self.snapshots()), count)
        # A full one is due all the same: the narrow one took nothing from it.
        self.go()
        self.assertEqual(len(self.snapshots()), count + 1)
        self.assert_same(self.restored(), link_times=self.LINK_TIMES)

    def put_together(self, chain):
        """The state of the last of `chain` (a full snapshot, and the narrowed ones behind it), by
        what docs/integrations says, in places of ours."""
        for name in ("restored", "lists"):
            shutil.rmtree(self.path(name), ignore_errors=True)
        places = {STATES: self.path("states"), STATES[1:]: self.path("states")[1:],
                  "/restored": self.path("restored"), "/lists": self.path("lists"),
                  "/backup/" + self.NAME: self.repository}
        script = re.sub("|".join(places), lambda found: places[found.group()],
                        procedure(self.NAME))
        script, count = re.subn(self.FULL, chain[0], script)
        self.assertEqual(count, 1)
        script, count = re.subn("for narrow in .*;", f"for narrow in {' '.join(chain[1:])};",
                                script)
        self.assertEqual(count, 1)
        script = script.replace(" RESTIC_PASSWORD_FILE=/etc/restic.password", "")
        self.command("bash", "-euo", "pipefail", "-c", script)
        return self.path("restored") + self.source

    def facts(self, top):
        """All that the pages do not except."""
        found = look(os.fsencode(top))
        for fact in found.values():
            if stat.S_ISDIR(fact["mode"]):
                for name in self.EXCEPTED:
                    fact[name] = None
        return found

    def assert_put_together(self, chain):
        self.assert_same_facts(self.facts(self.source), self.facts(self.put_together(chain)))

    def test_random_edits_put_together_as_documented(self):
        self.editor.edit(60)
        self.go()
        chain = self.names()
        narrowed = 0
        for number in range(ROUNDS):
            self.editor.edit(40)
            said = self.go("--narrow", check=(0, 3))
            if "what changed is not known" in said:
                # Where directories were renamed into each other a list of names may be refused.
                self.assertIn("cannot be listed", said)
                self.go()
                chain = [self.names()[-1]]
            else:
                narrowed += 1
                chain.append(self.names()[-1])
            if number % 2 == 0 or number == ROUNDS - 1:  # Each takes as long as the chain is.
                self.assert_put_together(chain)
        self.assertGreater(narrowed, 0)

    def test_whatever_stands_where_something_else_was(self):
        kinds = {
            "file": self.write_source,
            "link": lambda name: os.symlink(self.path("outside"), f"{self.source}/{name}"),
            "pipe": lambda name: os.mkfifo(f"{self.source}/{name}"),
            "gone": lambda name: None,
            "directory": self.make_directory,
        }
        os.mkdir(self.path("outside"))
        with open(self.path("outside/in"), "w", encoding="ascii") as file:
            file.write("not ours")
        pairs = [(before, after) for before in kinds for after in kinds]
        for before, after in pairs:
            kinds[before](f"{before}-{after}")
        self.write_source("one")
        os.link(f"{self.source}/one", f"{self.source}/other")
        self.go()
        for before, after in pairs:
            self.editor.clear(os.fsencode(f"{self.source}/{before}-{after}"))
            kinds[after](f"{before}-{after}")
        os.unlink(f"{self.source}/one")
        self.write_source("one", "by itself")
        self.go("--narrow")
        self.assert_put_together(self.names())
        with open(self.path("outside/in"), encoding="ascii") as file:
            self.assertEqual(file.read(), "not ours")
        self.assertEqual(os.listdir(self.path("outside")), ["in"])

    def make_directory(self, name):
        os.makedirs(f"{self.source}/{name}/deep")
        for file in ("in", "deep/in"):
            self.write_source(f"{name}/{file}")

    def test_the_manual_page_says_the_same(self):
        self.assertEqual(manual(self.NAME), procedure(self.NAME))

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
    FULL = "(?<=restore )40dc1520"
    # restic has no entry for a directory without a changed file below it.
    EXCEPTED = ("mode", "owner", "mtime", "xattrs")

    def names(self):
        return [snapshot["short_id"] for snapshot in self.snapshots()]

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
    FULL = "full-2026[-0-9T:.]*Z"
    EXCEPTED = ("xattrs",)

    def names(self):
        return self.snapshots()

    def initialize(self):
        self.command("borg", "init", "--encryption=none", self.repository)

    def snapshots(self):
        # Their names end with the time; that of borg's own is the same for all of a second.
        return sorted(self.command("borg", "list", "--short", self.repository).splitlines(),
                      key=lambda name: name[-27:])

    def restore(self, target):
        self.command("borg", "extract", "--numeric-ids",
                     f"{self.repository}::{self.snapshots()[-1]}", cwd=target)


if __name__ == "__main__":
    # The case to run is named like its program; the other one may be missing.
    fixture.main(sys.argv[3].split(".")[0].lower(), "mkfs.ext4")
