"""What users hear who are neither root nor in the group: of names that they could list themselves,
and of all of these that differ. Real users, a real filesystem; docs/visibility.md says why."""
import json
import os
import select
import shutil
import subprocess

import daemon_fixture
import viewers_fixture
from daemon_fixture import eventually, run
from viewers_fixture import ANN, BOB, ViewerCase


class Answers(ViewerCase):
    def restart(self, *watched):
        """With other trees to watch."""
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        options = [f"--watch={self.path(name)}" for name in watched]
        self.daemon = self.start(*options, watch=None)

    def setUp(self):
        super().setUp()
        self.daemon = self.start()

    def test_private_directories_are_hidden_with_all_that_is_in_them(self):
        self.directory("private", 0o700, BOB["user"])
        self.directory("open")
        self.directory("private/below")
        since = self.token()
        for name in ("private/a", "private/below/b", "open/c"):
            self.write(name)
        self.assertEqual(self.kinds(ANN, since), {"open": "modified", "open/c": "created",
                                                  "private": "modified"})
        self.assertIn("private/below/b", self.kinds(BOB, since))
        self.assertIn("private/a", self.kinds(BOB, since))

    def test_the_members_of_a_group_by_their_supplementary_groups(self):
        self.directory("shared", 0o750, 0, 61010)
        since = self.token()
        self.write("shared/a")
        self.assertEqual(self.kinds(BOB, since),
                         {"shared": "modified", "shared/a": "created"})
        self.assertEqual(self.kinds(ANN, since), {"shared": "modified"})

    def test_access_lists_count(self):
        self.directory("listed", 0o700)
        run("setfacl", "-m", f"u:{ANN['user']}:rx", self.path("listed"), check=0)
        since = self.token()
        self.write("listed/a")
        self.assertEqual(self.kinds(ANN, since), {"listed": "modified", "listed/a": "created"})
        self.assertEqual(self.kinds(BOB, since), {"listed": "modified"})

    def test_reading_and_searching_are_different_permissions(self):
        self.directory("search", 0o711)
        self.directory("search/read")
        self.directory("read", 0o744)
        since = self.token()
        for name in ("search/a", "search/read/b", "read/c"):
            self.write(name)
        # What is below `search` can be listed by whoever knows where; its own names cannot.
        self.assertEqual(self.kinds(ANN, since),
                         {"search": "modified", "search/read/b": "created", "read": "modified"})

    def test_sticky_directories_are_no_exception(self):
        self.directory("tmp", 0o1777)
        since = self.token()
        run("touch", self.path("tmp/of-bob"), check=0, **BOB)
        os.chmod(self.path("tmp/of-bob"), 0o600)
        self.directory("tmp/private", 0o700, BOB["user"])
        self.write("tmp/private/x")
        kinds = self.kinds(ANN, since)
        self.assertIn("tmp/of-bob", kinds)
        self.assertIn("tmp/private", kinds)
        self.assertNotIn("tmp/private/x", kinds)

    def test_deleted_names_in_a_directory_that_was_always_his_to_list(self):
        self.directory("open")
        self.write("open/gone")
        since = self.token()
        os.unlink(self.path("open/gone"))
        self.assertEqual(self.kinds(ANN, since), {"open": "modified", "open/gone": "deleted"})
        self.assertEqual(self.kinds(ANN, since, "--deleted"), {"open/gone": "deleted"})

    def test_names_that_went_before_he_could_list_the_directory(self):
        self.directory("private", 0o700)
        self.write("private/secret")
        self.write("private/stays")
        since = self.token()
        os.unlink(self.path("private/secret"))
        os.chmod(self.path("private"), 0o755)
        self.assertEqual(self.kinds(ANN, since), {"private": "modified/"})
        self.assertEqual(self.kinds(ANN, since, "--deleted"), {"private": "rescan/"})
        self.assertIn("private/stays", self.kinds(ANN, since, "--expand"))
        self.assertNotIn("private/secret", self.kinds(ANN, since, "--expand"))
        # The list would lack a name that he may have had.
        said = self.daemon.ctl("changes", f"--since={since}", "-0", "--expand", check=3, **ANN)
        self.assertNotIn("secret", said.stdout + said.stderr)

    def test_a_directory_that_he_may_not_list_any_more(self):
        self.directory("open")
        self.write("open/known")
        since = self.token()
        os.chmod(self.path("open"), 0o700)
        self.write("open/new")
        self.assertEqual(self.kinds(ANN, since), {"open": "modified/"})

    def test_an_ancestor_that_was_closed_hides_all_below(self):
        self.directory("top")
        self.directory("top/sub")
        since = self.token()
        self.write("top/sub/a")
        os.chmod(self.path("top"), 0o700)
        self.assertEqual(self.kinds(ANN, since), {"top": "modified/"})
        os.chmod(self.path("top"), 0o755)
        # It is there, and he could look himself.
        self.assertEqual(self.kinds(ANN, since), {"top": "modified/", "top/sub": "modified",
                                                  "top/sub/a": "created"})

    def test_hard_links_show_at_the_names_that_he_sees(self):
        self.directory("private", 0o700)
        self.directory("open")
        self.write("private/file")
        os.link(self.path("private/file"), self.path("open/link"))
        since = self.token()
        self.write("private/file", "other")
        self.assertEqual(self.kinds(ANN, since), {"open/link": "modified"})

    def test_renames_across_the_border(self):
        self.directory("private", 0o700)
        self.directory("open")
        for name in ("open/out", "private/in"):
            self.write(name)
        self.directory("private/tree")
        self.write("private/tree/member")
        since = self.token()
        os.rename(self.path("open/out"), self.path("private/away"))
        os.rename(self.path("private/in"), self.path("open/came"))
        os.rename(self.path("private/tree"), self.path("open/tree"))
        lines = self.ask(ANN, since)
        self.assertEqual({path: line["change"] for path, line in lines.items()},
                         {"open": "modified", "open/out": "deleted", "open/came": "created",
                          "open/tree": "created", "private": "modified"})
        self.assertTrue(lines["open/tree"]["recursive"])
        self.assertNotIn("from", json.dumps(lines))
        self.assertIn("open/tree/member", self.kinds(ANN, since, "--expand"))

    def test_a_directory_that_goes_behind_the_border_takes_its_names_along(self):
        self.directory("private", 0o700)
        self.directory("open")
        self.directory("open/tree")
        self.write("open/tree/member")
        since = self.token()
        self.write("open/tree/another")
        os.rename(self.path("open/tree"), self.path("private/tree"))
        lines = self.ask(ANN, since)
        self.assertEqual(lines["open/tree"]["change"], "deleted")
        self.assertTrue(lines["open/tree"]["recursive"])
        self.assertEqual(set(lines), {"open", "open/tree", "private"})

    def test_a_private_directory_replaced_by_an_open_one(self):
        self.directory("d", 0o700)
        self.write("d/secret")
        since = self.token()
        os.unlink(self.path("d/secret"))
        os.rename(self.path("d"), self.path("old"))
        self.directory("d")
        self.write("d/public")
        kinds = self.kinds(ANN, since)
        self.assertNotIn("secret", json.dumps(kinds))
        self.assertIn("d/public", kinds)
        self.assertEqual(kinds["old"], "renamed/")

    def test_a_gone_tree_in_a_directory_that_he_may_only_search(self):
        self.directory("search", 0o711)
        self.directory("search/tree")
        self.write("search/tree/his")
        since = self.token()
        shutil.rmtree(self.path("search/tree"))
        # `search/tree` is no name that he could list; what stands for it is.
        self.assertEqual(self.kinds(ANN, since), {"search": "modified/"})

    def test_a_tree_that_is_his_tells_him_as_much_as_root(self):
        self.directory("home", 0o700, ANN["user"])
        self.directory("home/d", 0o755, ANN["user"])
        for name in ("home/d/changes", "home/d/goes", "home/d/moves"):
            self.write(name)
        since = self.token()
        self.write("home/d/changes", "y")
        os.unlink(self.path("home/d/goes"))
        os.rename(self.path("home/d/moves"), self.path("home/moved"))
        self.directory("home/new", 0o755, ANN["user"])
        self.write("home/new/file")
        self.assertEqual(self.ask(ANN, since), self.ask({}, since, "--no-checkpoint"))

    def test_what_he_asks_changes_nothing_for_others(self):
        """Where a search for hard links was for him it was not in all the trees."""
        self.directory("private", 0o700)
        self.directory("private/tree")
        self.directory("open")
        self.write("open/f")
        os.link(self.path("open/f"), self.path("private/tree/f"))
        self.restart("open", "private/tree")
        since = self.token()
        self.write("open/f", "other")
        self.assertEqual(self.kinds(ANN, since), {"open/f": "modified"})
        self.assertEqual(self.kinds({}, since, "--no-checkpoint"),
                         {"open/f": "modified", "private/tree/f": "modified"})

    def test_what_keeps_him_from_a_watched_tree_is_told(self):
        self.directory("open")
        self.directory("top")
        self.directory("top/tree")
        self.restart("open", "top/tree")
        since = self.token()
        os.chmod(self.path("top"), 0o700)
        self.assertEqual(self.kinds(ANN, since), {"top": "modified/"})
        os.chmod(self.path("top"), 0o755)
        self.directory("safe")
        os.rename(self.path("top"), self.path("safe/top"))
        self.assertEqual(self.kinds(ANN, since), {".": "modified/"})

    def test_a_tree_that_is_absent_is_not_named(self):
        self.directory("open")
        self.directory("search", 0o711)
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        self.configure(f"[Watch]\nPath={self.path('open')}\n"
                       f"[Watch]\nPath={self.path('search/secret')}\n")
        self.assertIn("secret", self.daemon.ctl("checkpoint").stderr)
        said = self.daemon.ctl("checkpoint", **ANN)
        self.assertNotIn("secret", said.stdout + said.stderr)

    def test_a_feed_that_waits_keeps_no_filesystem_busy(self):
        self.directory("open")
        with subprocess.Popen([daemon_fixture.CTL, f"--socket={self.daemon.socket}", "follow",
                               "--json"], stdout=subprocess.PIPE, text=True, **ANN) as feed:
            names = iter(range(1000))

            def hears():
                self.write(f"open/{next(names)}")
                return select.select([feed.stdout], [], [], 0.1)[0]
            self.assertTrue(eventually(hears))
            feed.stdout.readline()
            daemon_fixture.unmount(self.mount)
            feed.kill()
        run("mount", "-t", "tmpfs", "tmpfs", self.mount, check=0)  # for tearDown()

    def test_a_feed_tells_the_names_that_he_sees(self):
        self.directory("private", 0o700)
        self.directory("open")
        self.write("private/file")
        os.link(self.path("private/file"), self.path("open/link"))
        since = self.token()
        self.write("private/file", "other")
        said = self.daemon.ctl("log", f"--since={since}", "-ocat", **ANN)
        self.assertEqual(set(said.stdout.split()), {self.path("open/link")})

    def test_the_token_goes_on(self):
        self.directory("open")
        since = self.token()
        self.write("open/a")
        said = self.daemon.ctl("changes", f"--since={since}", **ANN)
        following = said.stderr.split()[-1]
        self.write("open/b")
        self.assertIn("open/b", self.kinds(ANN, following))
        # No checkpoint was made for it.
        self.assertEqual(following, since)

    def test_a_token_to_begin_with(self):
        self.directory("open")
        file = os.path.join(self.work, "ann")
        os.mkdir(file)
        os.chown(file, ANN["user"], ANN["group"])
        periods = len(self.daemon.call("org.changejournal.GetPeriods")["parameters"]["periods"])
        token = f"--token-file={file}/token"
        said = self.daemon.ctl("changes", token, check=3, **ANN)
        self.write("open/a")
        said = self.daemon.ctl("changes", token, "--format=paths", **ANN)
        self.assertIn(self.path("open/a"), said.stdout.splitlines())
        now = len(self.daemon.call("org.changejournal.GetPeriods")["parameters"]["periods"])
        self.assertEqual(now, periods)

    def test_what_is_for_others(self):
        for words in (["status"], ["periods"], ["doctor"], ["crawl"], ["consumer", "list"],
                      ["consumer", "add", "x"], ["consumer", "remove", "x"]):
            said = self.daemon.ctl(*words, check=4, **ANN)
            self.assertIn("changejournal", said.stderr)
        since = self.token()
        until = self.token()
        self.daemon.ctl("changes", f"--since={since}", f"--until={until}", check=4, **ANN)
        self.daemon.ctl("consumer", "add", "theirs")
        for words in (["changes", "--consumer=theirs"], ["follow", "--consumer=theirs"],
                      ["ack", "theirs", since]):
            self.daemon.ctl(*words, check=4, **ANN)

    def test_what_is_asked_for_tells_nothing_of_what_is_watched(self):
        self.directory("private", 0o700)
        self.directory("private/project")
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        self.directory("open")
        self.daemon = self.start(f"--watch={self.path('private/project')}",
                                 watch=self.path("open"))
        since = self.token()
        said = [self.daemon.ctl("changes", f"--since={since}", path, check=2, **ANN).stderr
                for path in (self.path("private/project/x"), self.path("private/other/x"))]
        self.assertEqual(said[0].replace("project", "other"), said[1])
        self.assertEqual(self.kinds(ANN, since), {})

    def test_excludes_are_not_told_where_he_may_not_search(self):
        self.directory("private", 0o700)
        self.directory("open")
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        self.configure(f"[Watch]\nPath={self.mount}\nExclude=private/hidden\n"
                       "Exclude=open/hidden\n")
        since = self.token()
        self.write("private/other")
        self.write("private/hidden")

        def asked(name, *words, check=0):
            said = self.daemon.ctl("changes", f"--since={since}", *words, self.path(name),
                                   check=check, **ANN)
            return said.stdout, said.stderr
        for _ in range(2):
            for words in ((), ("--format=json",), ("-0", "--expand"), ("--deleted",)):
                for below in ("", "/below"):
                    with self.subTest(words=words, below=below):
                        self.assertEqual(asked("private/hidden" + below, *words),
                                         asked("private/other" + below, *words))
            # Then what he may have seen in it before is no secret, but what is excluded is.
            os.chmod(self.path("private"), 0o755)
            os.chmod(self.path("private"), 0o700)
        # Where he may search he is told, and so is whoever may hear of everything.
        self.assertIn("is excluded", asked("open/hidden", check=2)[1])
        os.chmod(self.path("private"), 0o711)
        self.assertIn("is excluded", asked("private/hidden", check=2)[1])
        self.daemon.ctl("changes", f"--since={since}", self.path("private/hidden"), check=2)
        told = self.daemon.ctl("changes", f"--since={since}", self.path("private/other"))
        self.assertIn("private/other", told.stdout)

    def test_whoever_sees_nothing_of_what_is_watched_is_told_so(self):
        self.directory("private", 0o700)
        self.directory("private/project")
        self.daemon.stop()
        self.daemons.remove(self.daemon)
        self.daemon = self.start(watch=self.path("private/project"))
        since = self.token()
        for words in (["changes", f"--since={since}"], ["log"], ["follow"], ["checkpoint"]):
            said = self.daemon.ctl(*words, check=4, **ANN)
            self.assertIn("may see nothing", said.stderr)
            self.assertNotIn("project", said.stderr)


if __name__ == "__main__":
    viewers_fixture.main()
