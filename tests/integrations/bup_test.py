"""changejournal-bup with the real bup: each save is a full snapshot, and the tree is not walked."""
import os

import fixture
from fixture import ROUNDS, run


class Bup(fixture.TreeCase):
    def setUp(self):
        super().setUp()
        self.repository = self.path("bup")
        self.state = self.path("position")
        self.bup("init")

    def bup(self, *words):
        return run("bup", "--bup-dir=" + self.repository, *words, check=0, errors="replace").stdout

    def save(self, *options, check=0):
        return self.tool("bup", f"--state-directory={self.state}", "--name=tree",
                         f"--bup-directory={self.repository}", *options, self.source, check=check)

    def assert_saved(self):
        """The newest snapshot, and nothing else, is what the source is."""
        target = self.path("restored")
        run("rm", "-rf", target, check=0)
        self.bup("restore", "--outdir=" + target, f"/tree/latest{self.source}/.")
        self.assert_same(target)

    def write_source(self, name, text="x"):
        with open(os.path.join(self.source, name), "w", encoding="ascii") as file:
            file.write(text)

    def test_rounds_of_random_edits(self):
        self.editor.edit(60)
        self.assertIn("walking", self.save())
        self.assert_saved()
        narrow = 0
        for _ in range(max(2, ROUNDS - 2)):
            self.editor.edit(40)
            narrow += "walking" not in self.save()
            self.assert_saved()
        self.assertGreater(narrow, 0)
        snapshots = self.bup("ls", "/tree")
        self.assertIn("0 names", self.save())
        self.assertEqual(self.bup("ls", "/tree"), snapshots)
        # What bup finds by a walk of its own is no other tree.
        self.save("--full")
        self.assert_saved()

    def test_nothing_but_what_changed_is_read(self):
        for number in range(100):
            os.mkdir(f"{self.source}/{number}")
            self.write_source(f"{number}/file")
        self.save()
        before = {number: os.stat(f"{self.source}/{number}").st_atime_ns for number in range(100)}
        self.write_source("7/file", "other")
        os.unlink(f"{self.source}/8/file")
        os.mkdir(f"{self.source}/9/new")
        self.save()
        read = [n for n in before if os.stat(f"{self.source}/{n}").st_atime_ns != before[n]]
        self.assertEqual(read, [])
        self.assert_saved()

    def test_a_failing_save_loses_nothing(self):
        self.editor.edit(30)
        self.save()
        self.editor.edit(20)
        self.write_source("large", "x" * (1 << 20))
        os.rename(self.repository, self.repository + ".away")
        self.assertIn("has not moved", self.save(check=1))
        os.rename(self.repository + ".away", self.repository)
        # The index cannot be brought up to date.
        os.unlink(f"{self.source}/large")
        self.write_source("new")
        os.rename(self.state + "/bupindex.meta", self.state + "/kept")
        os.mkdir(self.state + "/bupindex.meta")
        self.assertIn("not brought up to date", self.save(check=1))
        os.rmdir(self.state + "/bupindex.meta")
        os.rename(self.state + "/kept", self.state + "/bupindex.meta")
        self.editor.edit(10)
        self.save()
        self.assert_saved()

    def test_rescan_needed_is_a_walk(self):
        self.editor.edit(30)
        self.save()
        with open(self.state + "/token", "w", encoding="ascii") as file:
            file.write("cj1-00000000-1\n")
        self.write_source("new")
        self.assertIn("of another journal", self.save())
        self.assert_saved()
        self.write_source("newer")
        os.unlink(self.state + "/bupindex")
        self.assertIn("no index", self.save())
        self.assert_saved()

    def test_a_writer_during_the_run(self):
        self.editor.edit(30)
        self.save()
        for _ in range(2):
            with self.busy():
                self.save(check=None)
        self.save()
        self.assert_saved()

    def test_what_bup_index_cannot_do(self):
        """Why there is integrations/bup_index.py; docs/integrations/bup.md says the same."""
        index = self.path("index")
        os.makedirs(f"{self.source}/d/e")
        for name in ("d/file", "d/e/file", "gone"):
            self.write_source(name)
        run("bup", "--bup-dir=" + self.repository, "index", "-f", index, "-u", self.source, check=0)
        os.unlink(f"{self.source}/gone")
        done = run("bup", "--bup-dir=" + self.repository, "index", "-f", index, "-u",
                   f"{self.source}/gone")
        self.assertEqual(done.returncode, 1)
        listed = self.bup("index", "-f", index, "-s", self.source)
        self.assertNotIn(f"D {self.source}/gone", listed.replace("\n./", "\n"))
        # A directory is walked to its end; what is left out on the way counts as deleted.
        self.bup("index", "-f", index, "-u", f"--exclude={self.source}/d/e", f"{self.source}/d")
        listed = self.bup("index", "-f", index, "-s", self.source)
        self.assertIn(f"D {self.source}/d/e/file", listed)


if __name__ == "__main__":
    fixture.main("bup", "mkfs.ext4")
