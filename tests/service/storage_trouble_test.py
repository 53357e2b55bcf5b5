"""The daemon while its state directory's disk is full, or gone: applications go on, nothing is lost
that can be kept, and what cannot is a gap.

usage: storage_trouble_test.py CHANGEJOURNALD CHANGECTL

CJ_FULL_SECONDS: how long the disk stays full at least, with a writer at work (default: until it has
made 100,000 files).
"""
import errno
import fcntl
import json
import multiprocessing
import os
import struct
import time

import daemon_fixture as fixture

# EXT4_IOC_SHUTDOWN, which XFS has as XFS_IOC_GOINGDOWN; 2: the log is not written out first.
SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


class Writer:
    """Creates files as fast as it can, in a process of its own. Once somebody has waited for some,
    not many more than are waited for: all of them will be asked for."""

    AHEAD = 100_000

    def __init__(self, directory):
        self.directory = directory
        self.limit = multiprocessing.Value("Q", 1 << 62, lock=False)
        self.counter = multiprocessing.Value("Q", 0, lock=False)
        self.ended = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self.run, daemon=True)
        self.process.start()

    def run(self):
        while not self.ended.is_set():
            if self.made >= self.limit.value:
                self.ended.wait(0.01)
                continue
            os.close(os.open(f"{self.directory}/{self.made}", os.O_CREAT | os.O_WRONLY))
            self.counter.value += 1

    @property
    def made(self):
        return self.counter.value

    def await_more(self, count):
        wanted = self.made + count
        self.limit.value = wanted + self.AHEAD
        assert fixture.eventually(lambda: self.made >= wanted), "the writer stands still"

    def stop(self):
        self.ended.set()
        self.process.join()
        return self.made


class StorageTroubleTest(fixture.DaemonCase):
    def setUp(self):
        super().setUp()
        self.disk = os.path.join(self.work, "disk")
        os.mkdir(self.disk)
        image = os.path.join(self.work, "image")
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        if fixture.run("mkfs.ext4", "-q", image).returncode != 0:
            self.skipTest("there is no mkfs.ext4")
        self.device = fixture.run("losetup", "--find", "--show", image, check=0).stdout.strip()
        self.addCleanup(fixture.run, "losetup", "--detach", self.device)
        self.mount_disk()
        self.addCleanup(fixture.run, "umount", "-l", self.disk)

    def mount_disk(self):
        fixture.run("mount", self.device, self.disk, check=0)

    def begin(self):
        daemon = self.start(f"--state-directory={self.disk}/state")
        token = daemon.ctl("checkpoint").stdout.strip()
        return daemon, token, Writer(self.mount)

    def error(self, daemon):
        status = daemon.call("org.changejournal.GetStatus")["parameters"]
        return status.get("storage_error", "")

    def gaps(self, daemon):
        return daemon.call("org.changejournal.GetStatus")["parameters"]["gaps"]

    def fill(self):
        with open(os.path.join(self.disk, "filler"), "wb", buffering=0) as file:
            size = 8 << 20
            while size > 0:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)
                    size //= 2

    def check_all_told(self, daemon, token, made):
        told = daemon.ctl("changes", f"--since={token}", "--format=json").stdout.splitlines()
        changes = [json.loads(line) for line in told[:-1]]
        if any(each["path"] == self.mount and each.get("recursive") for each in changes):
            return False
        missed = {f"{self.mount}/{i}" for i in range(made)} - {each["path"] for each in changes}
        self.assertEqual(len(missed), 0)
        return True

    def test_a_disk_that_is_full(self):
        daemon, token, writer = self.begin()
        self.fill()
        self.assertTrue(fixture.eventually(lambda: self.error(daemon)))
        self.assertIn("No space left", self.error(daemon))
        self.assertIn(self.disk, self.error(daemon))
        refused = daemon.ctl("changes", f"--since={token}", check=1)
        self.assertIn("No space left", refused.stderr)
        writer.await_more(100_000)
        full_until = time.monotonic() + float(os.environ.get("CJ_FULL_SECONDS", "0"))
        while time.monotonic() < full_until:
            writer.await_more(1000)
        self.assertIn("Storage: failing", daemon.ctl("status").stdout)
        os.unlink(os.path.join(self.disk, "filler"))
        self.assertTrue(fixture.eventually(lambda: not self.error(daemon)))
        self.assertTrue(self.check_all_told(daemon, token, writer.stop()))
        self.assertEqual(self.gaps(daemon), [])

    def test_a_disk_that_goes_and_comes_back(self):
        daemon, token, writer = self.begin()
        self.assertTrue(fixture.eventually(lambda: writer.made >= 10_000))
        directory = os.open(self.disk, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.ioctl(directory, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(directory)
        self.assertTrue(fixture.eventually(lambda: self.error(daemon)))
        writer.await_more(100_000)
        # Nothing keeps it busy: the daemon lets go of what has failed.
        fixture.unmount(self.disk)
        self.mount_disk()
        self.assertTrue(fixture.eventually(lambda: not self.error(daemon)))
        # Each file, or the whole tree where the disk had not been given the last second for good.
        if not self.check_all_told(daemon, token, writer.stop()):
            self.assertIn("gone after an error of the disk",
                          " ".join(gap["cause"] for gap in self.gaps(daemon)))
        # From the next checkpoint on all is as before.
        token = daemon.ctl("checkpoint").stdout.strip()
        self.write("after")
        self.assertIn(self.mount + "/after",
                      daemon.ctl("changes", f"--since={token}", "-0").stdout)


if __name__ == "__main__":
    fixture.main()
