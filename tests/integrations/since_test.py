"""What `changectl changes --since=TIME DIRECTORY` answers: docs/integrations/search.md says the
same."""
import os
import time

import fixture


class Since(fixture.TreeCase):
    def paths(self, when):
        said = self.daemon.ctl("changes", "--since=" + when, "-q", "--format=json", self.source)
        return said.stdout

    def write_source(self, name):
        with open(os.path.join(self.source, name), "w", encoding="ascii") as file:
            file.write("x")

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
