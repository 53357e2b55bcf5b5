"""For tests of what users see: a tree with nothing but quiet directories above it. Where those
change all the time, as /tmp does, less can be told. CJ_FILESYSTEM: ext4, xfs, btrfs or tmpfs."""
import json
import os
import tempfile

import daemon_fixture
from daemon_fixture import Daemon, DaemonCase, run

FILESYSTEM = os.environ.get("CJ_FILESYSTEM") or "tmpfs"
# As much as the greediest of them asks for.
IMAGE_BYTES = 320 << 20
# Users that need no entry in the system's databases, with a group that one of them is in.
ANN = {"user": 61001, "group": 61001, "extra_groups": []}
BOB = {"user": 61002, "group": 61002, "extra_groups": [61010]}


class QuietCase(DaemonCase):
    def setUp(self):
        super().setUp()
        self.mount = tempfile.mkdtemp(prefix="cj-tree-")
        if FILESYSTEM == "tmpfs":
            run("mount", "-t", "tmpfs", "tmpfs", self.mount, check=0)
        else:
            image = os.path.join(self.work, "image")
            with open(image, "wb") as file:
                file.truncate(IMAGE_BYTES)
            run(f"mkfs.{FILESYSTEM}", "-q", image, check=0)
            run("mount", "-o", "loop", image, self.mount, check=0)
        os.chmod(self.mount, 0o755)


class ViewerCase(QuietCase):
    def path(self, name):
        return os.path.join(self.mount, name)

    def directory(self, name, mode=0o755, owner=0, group=0):
        os.mkdir(self.path(name))
        os.chown(self.path(name), owner, group)
        os.chmod(self.path(name), mode)

    def configure(self, text):
        configuration = os.path.join(self.work, "configuration")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(text)
        self.daemon = Daemon(self.work, f"--config={configuration}")
        self.daemons.append(self.daemon)

    def token(self):
        return self.daemon.ctl("checkpoint").stdout.strip()

    def ask(self, who, since, *words, check=0):
        """The lines of an answer: path -> line; a rename is at its present path."""
        said = self.daemon.ctl("changes", f"--since={since}", "--format=json", *words, check=check,
                               **who)
        lines = [json.loads(line) for line in said.stdout.splitlines()]
        return {os.path.relpath(line["path"], self.mount): line for line in lines[:-1]}

    def kinds(self, who, since, *words):
        return {path: line["change"] + ("/" if line.get("recursive") else "")
                for path, line in self.ask(who, since, *words).items()}


def main():
    if os.environ.get("CJ_OWN_MOUNTS"):
        # In a mount namespace of our own.
        run("mount", "-t", "tmpfs", "tmpfs", "/mnt", check=0)
        tempfile.tempdir = "/mnt"
    daemon_fixture.main()
