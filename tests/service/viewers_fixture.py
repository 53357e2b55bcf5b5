"""For tests of what users see: a tree with nothing but quiet directories above it. Where those
change all the time, as /tmp does, less can be told. CJ_FILESYSTEM: ext4, xfs, btrfs or tmpfs."""
import os
import tempfile

import daemon_fixture
from daemon_fixture import DaemonCase, run

FILESYSTEM = os.environ.get("CJ_FILESYSTEM") or "tmpfs"
# As much as the greediest of them asks for.
IMAGE_BYTES = 320 << 20


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


def main():
    if os.environ.get("CJ_OWN_MOUNTS"):
        # In a mount namespace of our own.
        run("mount", "-t", "tmpfs", "tmpfs", "/mnt", check=0)
        tempfile.tempdir = "/mnt"
    daemon_fixture.main()
