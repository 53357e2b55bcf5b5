"""What `changectl changes --since=TIME DIRECTORY` answers: docs/integrations/search.md says the
same."""
import os
import time

import fixture


class Since(fixture.TreeCase):
    def paths(self, when):
        said = self.daemon.ctl("changes", "--since=" + when, "-q", "--format=json", self.source)
        return said.stdout

    def write_source(self, name, text="x"):
        with open(os.path.join(self.source, name), "w", encoding="ascii") as file:
            file.write(text)

    def test_the_newest_checkpoint_at_or_before(self):
        self.write_source("before")
        self.daemon.ctl("checkpoint")
        self.write_source("between")
        begin = f"@{time.time():.6f}"
        self.write_source("after")
        said = self.paths(begin)
        self.assertIn('"after"', said.replace(self.source + "/", ""))
        # It began earlier than was asked for, at the checkpoint; never later.
        self.assertIn('"between"', said.replace(self.source + "/", ""))
        self.assertNotIn('"before"', said.replace(self.source + "/", ""))

    def test_older_than_the_journal_is_a_crawl(self):
        os.makedirs(f"{self.source}/old/deep")
        self.write_source("old/deep/file")
        said = self.paths("yesterday")
        self.assertIn('"change":"rescan"', said)
        self.assertIn('"complete":true', said)
        # Which a list of names cannot say.
        done = self.daemon.ctl("changes", "--since=yesterday", "-0", self.source, check=3)
        self.assertIn("rescan needed", done.stderr)

    def test_the_documented_search(self):
        """The line of the page, with another place and time, finds what lies in a directory that
        was renamed, and nothing that has not changed."""
        for name in ("stays", "was", "was/deep"):
            os.mkdir(f"{self.source}/{name}")
        for name in ("stays/not changed", "was/deep/in\nside", "goes"):
            self.write_source(name, "the password\n")
        token = self.daemon.ctl("checkpoint").stdout.strip()
        os.rename(f"{self.source}/was", f"{self.source}/is")
        self.write_source("changed", "the password\n")
        self.write_source("other", "nothing\n")
        os.mkdir(f"{self.source}/empty")
        os.unlink(f"{self.source}/goes")
        with open(os.path.join(fixture.TOP, "docs", "integrations", "search.md"),
                  encoding="utf-8") as file:
            line, = [line for line in file if line.startswith("    changectl") and "grep" in line]
        line = line.replace("changectl", f"{fixture.daemon_fixture.CTL} "
                            f"--socket={self.daemon.socket}").replace("/srv", self.source)
        line = line.replace("'-2h'", token)
        done = fixture.run("sh", "-c", line.replace("grep -l", "grep -lZ"))
        found = {os.path.relpath(name, self.source) for name in done.stdout.split("\0") if name}
        self.assertEqual(found, {"is/deep/in\nside", "changed"})
        self.assertEqual([line for line in done.stderr.splitlines() if "grep" in line], [])

    def test_a_part_of_the_tree(self):
        os.makedirs(f"{self.source}/etc")
        token = self.daemon.ctl("checkpoint").stdout.strip()
        self.write_source("etc/new")
        self.write_source("elsewhere")
        said = self.daemon.ctl("changes", "--since=" + token, "-q", f"{self.source}/etc").stdout
        self.assertIn(f"+ file data {self.source}/etc/new\n", said)
        self.assertNotIn("elsewhere", said)


if __name__ == "__main__":
    fixture.main("mkfs.ext4")
