"""For tests of what users see: a tree with nothing but quiet directories above it. Where those
change all the time, as /tmp does, less can be told."""
import os
import tempfile

import daemon_fixture
from daemon_fixture import DaemonCase, run


class QuietCase(DaemonCase):
    def setUp(self):
        super().setUp()
        self.mount = tempfile.mkdtemp(prefix="cj-tree-")
        run("mount", "-t", "tmpfs", "tmpfs", self.mount, check=0)
        os.chmod(self.mount, 0o755)


def main():
    if os.environ.get("CJ_OWN_MOUNTS"):
        # In a mount namespace of our own.
        run("mount", "-t", "tmpfs", "tmpfs", "/mnt", check=0)
        tempfile.tempdir = "/mnt"
    daemon_fixture.main()
