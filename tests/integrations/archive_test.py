"""changejournal-tar and changejournal-untar with the real tar: every archive restores its
moment."""
import io
import os
import shutil
import tarfile

import fixture
from fixture import ROUNDS, run
from random_tree import look


class Archive(fixture.TreeCase):
    def setUp(self):
        super().setUp()
        self.archives = self.path("archives")
        self.restored = 0

    def make(self, *options, **more):
        return self.tool("tar", *options, self.source, self.archives, **more)

    def restore(self, *options, target=None, check=0):
        self.restored += 1
        self.target = target or self.path(f"restored-{self.restored}")
        return self.tool("untar", *options, self.archives, self.target, check=check)

    def names(self):
        return sorted(name for name in os.listdir(self.archives) if ".tar" in name)

    def write_source(self, name, text="x"):
        with open(os.path.join(self.source, name), "w", encoding="ascii") as file:
            file.write(text)

    def test_rounds_of_random_edits(self):
        self.editor.edit(60)
        self.make()
        moments = [look(os.fsencode(self.source))]
        standby = self.path("standby")
        self.restore(target=standby)
        for number in range(2, ROUNDS + 2):
            self.editor.edit(40)
            self.make("--compress=gzip" if number == 3 else "--compress=none")
            moments.append(look(os.fsencode(self.source)))
            # A copy that follows archive by archive is the same as one that is restored in one go.
            self.restore(f"--from={number}", target=standby)
            self.assert_same(standby)
        self.assertGreater(sum("incremental" in name for name in self.names()), 0)
        for number, moment in enumerate(moments, 1):
            self.restore(f"--until={number}")
            self.assert_same(self.target, source=moment)
        self.assertIn("nothing has changed", self.make())
        self.assertEqual(len(self.names()), ROUNDS + 1)

    def test_an_increment_holds_only_what_changed(self):
        for number in range(100):
            os.mkdir(f"{self.source}/{number}")
            self.write_source(f"{number}/file")
        self.make()
        before = {number: os.stat(f"{self.source}/{number}").st_atime_ns for number in range(100)}
        self.write_source("7/file", "other")
        os.unlink(f"{self.source}/8/file")
        self.make()
        self.assertEqual([n for n in before if n not in (7, 8) and
                          os.stat(f"{self.source}/{n}").st_atime_ns != before[n]], [])
        with tarfile.open(f"{self.archives}/000002-incremental.tar") as archive:
            self.assertEqual(sorted(archive.getnames()), ["./7/file", "./8"])
        with open(f"{self.archives}/000002-incremental.deleted", "rb") as file:
            self.assertEqual(file.read(), b"8/file\0")

    def test_a_failing_run_loses_nothing(self):
        os.mkdir(self.archives)
        run("mount", "-t", "tmpfs", "-o", "size=4m", "none", self.archives, check=0)
        os.chmod(self.archives, 0o700)
        self.editor.edit(40)
        self.make()
        self.editor.edit(20)
        self.write_source("large", "x" * (5 << 20))
        self.assertIn("has not moved", self.make(check=1))
        self.assertEqual(len(self.names()), 2)  # The first one, and what is partial.
        run("mount", "-o", "remount,size=99m", self.archives, check=0)
        self.editor.edit(20)
        self.make()
        self.assertEqual([name[:6] for name in self.names()], ["000001", "000002"])
        self.restore()
        self.assert_same(self.target)

    def test_rescan_needed_is_a_full_archive(self):
        self.editor.edit(40)
        self.make()
        with open(f"{self.archives}/token", "w", encoding="ascii") as file:
            file.write("cj1-00000000-1\n")
        self.editor.edit(20)
        self.make()
        self.assertEqual(self.names(), ["000001-full.tar", "000002-full.tar"])
        self.restore()
        self.assert_same(self.target)

    def test_a_file_that_is_written_leaves_its_directory_alone(self):
        os.mkdir(f"{self.source}/d")
        self.write_source("d/file")
        self.make()
        standby = self.path("standby")
        self.restore(target=standby)
        self.write_source("d/file", "other")
        self.make()
        self.restore("--from=2", target=standby)
        self.assert_same(standby)

    def test_a_directory_loses_attributes(self):
        os.mkdir(f"{self.source}/d")
        os.setxattr(f"{self.source}/d", "user.note", b"x")
        self.make()
        standby = self.path("standby")
        self.restore(target=standby)
        os.removexattr(f"{self.source}/d", "user.note")
        self.make()
        self.restore("--from=2", target=standby)
        self.assert_same(standby)

    def test_a_copy_that_follows_over_a_full_archive(self):
        self.editor.edit(40)
        self.make()
        standby = self.path("standby")
        self.restore(target=standby)
        self.editor.edit(40)
        self.make("--full")
        self.restore("--from=2", target=standby)
        self.assert_same(standby)

    def test_a_writer_during_the_run(self):
        self.editor.edit(40)
        self.make()
        for _ in range(3):
            with self.busy():
                self.make(check=None)
        self.make()
        self.restore()
        self.assert_same(self.target)

    def test_what_is_missing_is_not_passed_over(self):
        for _ in range(3):
            self.write_source("a", "x" * (self.restored + 1))
            self.restored += 1
            self.make()
        self.assertIn("no archive 7", self.restore("--until=7", check=1))
        os.rename(f"{self.archives}/000002-incremental.deleted", f"{self.archives}/kept")
        self.assertIn("would come back", self.restore(check=1))
        os.rename(f"{self.archives}/kept", f"{self.archives}/000002-incremental.deleted")
        os.unlink(f"{self.archives}/000002-incremental.tar")
        self.assertIn("archive 2 is missing", self.restore(check=1))
        self.restore("--until=1")
        os.unlink(f"{self.archives}/000001-full.tar")
        self.assertIn("increments alone", self.restore(check=1))

    def test_the_target_must_be_empty(self):
        self.write_source("a")
        self.make()
        target = self.path("target")
        os.mkdir(target)
        with open(target + "/mine", "w", encoding="ascii"):
            pass
        self.assertIn("not empty", self.restore(target=target, check=2))
        self.assertEqual(os.listdir(target), ["mine"])

    def outside(self):
        """What nobody may touch, and what it is."""
        outside = self.path("outside")
        shutil.rmtree(outside, ignore_errors=True)
        os.makedirs(f"{outside}/deep")
        for name in ("file", "deep/file"):
            with open(f"{outside}/{name}", "w", encoding="ascii") as file:
                file.write("mine")
        return outside, look(os.fsencode(outside))

    def test_links_in_the_target_lead_nowhere(self):
        """Somebody puts links into a copy that follows, where the next archive writes and
        deletes."""
        os.makedirs(f"{self.source}/d/deep")
        for name in ("d/file", "d/deep/file", "d/stays"):
            self.write_source(name)
        self.make()
        target = self.path("target")
        self.restore(target=target)
        self.write_source("d/file", "new")
        self.write_source("d/deep/new")
        os.unlink(f"{self.source}/d/deep/file")
        self.make()
        outside, before = self.outside()
        shutil.rmtree(f"{target}/d")
        os.symlink(outside, f"{target}/d")
        self.restore("--from=2", target=target, check=None)
        self.assertEqual(look(os.fsencode(outside)), before)
        # And where the directory above is in the archive.
        shutil.rmtree(f"{self.source}/d")
        self.make()
        outside, before = self.outside()
        self.restore("--from=3", target=target)
        self.assertEqual(look(os.fsencode(outside)), before)
        self.assert_same(target)

    def craft(self, deleted=b"", members=()):
        """A second archive that changejournal-tar has not written."""
        with open(f"{self.archives}/000002-incremental.deleted", "wb") as file:
            file.write(deleted)
        with tarfile.open(f"{self.archives}/000002-incremental.tar", "w") as archive:
            for member in members:
                archive.addfile(member, io.BytesIO(b"evil") if member.isreg() else None)

    def member(self, name, kind=tarfile.REGTYPE, link=""):
        made = tarfile.TarInfo(name)
        made.type, made.linkname, made.size = kind, link, 4 if kind == tarfile.REGTYPE else 0
        return made

    def test_evil_archives_do_nothing_outside(self):
        self.write_source("a")
        self.make()
        outside, before = self.outside()
        link, hard = tarfile.SYMTYPE, tarfile.LNKTYPE
        evil = [
            {"deleted": b"../outside/file\0"}, {"deleted": os.fsencode(outside) + b"/file\0"},
            {"deleted": b"x/../../outside\0"}, {"deleted": b".\0"},
            {"members": [self.member("../outside/file")]},
            {"members": [self.member(f"{outside}/file")]},
            {"members": [self.member("./l", link, outside), self.member("./l/file")]},
            {"members": [self.member("./l", link, "../outside"), self.member("./l/deep/file")]},
            {"members": [self.member("./h", hard, f"{outside}/file"), self.member("./h")]},
            {"members": [self.member("./h", hard, "../outside/file"), self.member("./h")]},
        ]
        for case in evil:
            self.craft(**case)
            self.restore(check=None)
            self.assertEqual(look(os.fsencode(outside)), before, case)
        # A link that is there when the list of what went is applied.
        self.craft(members=[self.member("./l", link, outside)])
        self.restore()
        self.craft(deleted=b"l/file\0l/deep\0")
        self.restore("--from=2", target=self.target)
        self.assertEqual(look(os.fsencode(outside)), before)

    def test_one_directory_of_archives_for_one_tree(self):
        os.mkdir(f"{self.source}/d")
        self.make()
        said = self.tool("tar", f"{self.source}/d", self.archives, check=2)
        self.assertIn("holds archives of", said)
        self.tool("tar", self.source, f"{self.source}/d/archives", check=2)

    def test_gnu_tar_alone_restores_a_full_archive(self):
        self.editor.edit(40)
        self.make()
        target = self.path("by-hand")
        os.mkdir(target)
        run("tar", "-xpf", f"{self.archives}/000001-full.tar", "-C", target, "--numeric-owner",
            "--acls", "--xattrs", "--xattrs-include=*", check=0)
        self.assert_same(target)


if __name__ == "__main__":
    fixture.main("tar", "gzip", "mkfs.ext4")
