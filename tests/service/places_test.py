"""The daemon while watched filesystems come and go, and while the clock is set.

usage: places_test.py CHANGEJOURNALD CHANGECTL
"""
import os
import re
import subprocess
import time

import daemon_fixture as fixture


class PlacesTest(fixture.DaemonCase):
    def test_a_configured_tree_that_comes_later(self):
        later = os.path.join(self.work, "later")
        path = os.path.join(self.work, "later.conf")
        with open(path, "w") as file:
            file.write(f"[Watch]\nPath={self.mount}\n[Watch]\nPath={later}\n")
        daemon = self.start(f"--config={path}", watch=None)
        done = daemon.ctl("checkpoint")
        self.assertIn(f"{later} is left out: it is not there", done.stderr)
        token = done.stdout.strip()
        self.assertIn(f"{later}, absent: it is not there", daemon.ctl("status").stdout)
        first = daemon.ctl("changes", f"--token-file={self.work}/token", check=3)
        self.assertIn(f"{later} is left out: it is not there", first.stderr)
        done = daemon.ctl("changes", f"--since={token}", later, check=3)
        self.assertIn("it is not there", done.stderr)
        self.write("new")
        done = daemon.ctl("changes", f"--since={token}", "-0", self.mount)
        self.assertIn(self.mount + "/new", done.stdout)
        # Without a question, too: the mount tells.
        os.mkdir(later)
        fixture.run("mount", "-t", "tmpfs", "tmpfs", later, check=0)
        try:
            self.assertTrue(fixture.eventually(
                lambda: "absent" not in daemon.ctl("status").stdout))
            done = daemon.ctl("checkpoint")
            self.assertNotIn("left out", done.stderr)
            token = done.stdout.strip()
            open(os.path.join(later, "seen"), "w").close()
            done = daemon.ctl("changes", f"--since={token}", "-0", later)
            self.assertIn(later + "/seen", done.stdout)
        finally:
            fixture.run("umount", "-l", later)

    def test_a_filesystem_that_goes_and_comes_back(self):
        image = os.path.join(self.work, "image")
        disk = os.path.join(self.work, "disk")
        os.mkdir(disk)
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        fixture.run("mkfs.ext4", "-q", image, check=0)
        device = fixture.run("losetup", "--find", "--show", image, check=0).stdout.strip()
        self.addCleanup(fixture.run, "losetup", "--detach", device)
        fixture.run("mount", device, disk, check=0)
        self.addCleanup(fixture.run, "umount", "-l", disk)
        daemon = self.start(watch=disk)
        token = daemon.ctl("checkpoint").stdout.strip()

        def await_gap(cause):  # nobody asks: the daemon notices by itself
            deadline = time.monotonic() + fixture.DEADLINE
            while time.monotonic() < deadline:
                status = daemon.call("org.changejournal.GetStatus")["parameters"]
                if any(cause in gap["cause"] for gap in status["gaps"]):
                    return
            self.fail(f"no gap with the cause {cause!r}")

        with open(os.path.join(disk, "before"), "w"):
            pass
        daemon.ctl("checkpoint")
        follower = subprocess.Popen([fixture.CTL, f"--socket={daemon.socket}", "log", "-f"],
                                    stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        fixture.unmount(disk)
        await_gap("not mounted")
        for said in follower.stdout:
            if said.startswith("-- gap: "):
                break
        self.assertRegex(said, "^-- gap: .*: it is not mounted")
        # Until a crawl has looked, one may be about to.
        self.assertTrue(fixture.eventually(lambda: "cannot fill the gap now" in daemon.ctl(
            "changes", f"--since={token}", "--no-wait", check=3).stderr))
        refused = daemon.ctl("changes", f"--since={token}", check=3)
        self.assertIn("go on from cj1-", refused.stderr)
        # The mount point is a directory of another filesystem then; nothing is mounted on it.
        self.assertRegex(daemon.ctl("status").stdout,
                         f"; open, and cannot be filled now: {disk}: it is not mounted\n")
        fixture.run("mount", device, disk, check=0)
        await_gap("mounted again")
        told = daemon.ctl("changes", f"--since={token}")
        self.assertIn(f"? dir tree {disk}", told.stdout)
        next_token = re.search("next: (cj1-[0-9a-f]+-[0-9]+)", told.stderr).group(1)
        with open(os.path.join(disk, "seen"), "w"):
            pass
        seen = daemon.ctl("changes", f"--since={next_token}", "-0").stdout
        self.assertIn(disk + "/seen", seen.split("\0"))

    def test_the_clock_is_set(self):
        daemon = self.start()
        try:
            time.clock_settime(time.CLOCK_REALTIME, time.time())
        except PermissionError:
            self.skipTest("this machine does not let its clock be set")
        for line in daemon.process.stderr:
            if "the clock was set" in line:
                break
        token = daemon.ctl("checkpoint").stdout.strip()
        self.write("new")
        self.assertIn("/new", daemon.ctl("changes", f"--since={token}", "-0").stdout)


if __name__ == "__main__":
    fixture.main()
