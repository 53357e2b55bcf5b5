#!/usr/bin/env python3
"""How long git status takes with `changectl git-fsmonitor` and without, as an ordinary user, in a
repository on an ext4 in a file. Everything is in memory; the ways are taken in turn. To be run in a
mount namespace of its own (scripts/bench.sh --only=git).

Usage: git_status.py --build=DIRECTORY [--files=100000] [--rounds=9] [--output=FILE]"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "service"))
sys.dont_write_bytecode = True

import daemon_fixture  # noqa: E402

UID = 1947
FILES_IN_A_DIRECTORY = 50
TOUCHED = 10


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = tempfile.mkdtemp(prefix="cj-git-")
        os.chmod(self.work, 0o755)
        image = os.path.join(self.work, "ext4.img")
        with open(image, "wb") as file:
            file.truncate(4 << 30)
        # In a mount namespace of our own: nothing above it changes, as /tmp does all the time.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True)
        self.mount = "/mnt/tree"
        os.mkdir(self.mount)
        subprocess.run(["mkfs.ext4", "-q", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, self.mount], check=True)
        self.home = os.path.join(self.work, "home")
        for path in (self.home, os.path.join(self.mount, "repo")):
            os.mkdir(path)
            os.chown(path, UID, UID)
        self.top = os.path.join(self.mount, "repo")
        self.changectl = os.path.join(options.build, "client", "changectl")
        daemon_fixture.DAEMON = os.path.join(options.build, "service", "changejournald")
        self.daemon = None
        self.index = None

    def git(self, *words, user=UID, **more):
        settings = {"HOME": self.home, "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
                    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
        if self.index:
            settings["GIT_INDEX_FILE"] = self.index
        return subprocess.run(["git", *words], cwd=self.top, env=settings, user=user, group=user,
                              extra_groups=[], check=True, stdout=subprocess.PIPE, **more).stdout

    def fill(self):
        for number in range(self.options.files // FILES_IN_A_DIRECTORY):
            above = f"{self.top}/{number // 100:02}/{number % 100:02}"
            os.makedirs(above)
            for file in range(FILES_IN_A_DIRECTORY):
                with open(f"{above}/{file}.c", "w", encoding="ascii") as out:
                    out.write(f"{number} {file}\n")
        subprocess.run(["chown", "-R", f"{UID}:{UID}", self.top], check=True)
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("config", "gc.auto", "0")  # Never beside what is measured.
        self.git("commit", "-q", "-m", "all")
        self.git("gc", "-q")

    def touch(self, turn):
        """Ten files in as many directories."""
        for number in range(TOUCHED):
            with open(f"{self.top}/{number:02}/{turn % 100:02}/0.c", "a", encoding="ascii") as out:
                out.write("more\n")

    def ways(self):
        hook = f"core.fsmonitor={self.changectl} --socket={self.daemon.socket} git-fsmonitor"
        ways = {}
        for cache in ("false", "true"):
            for name, monitor in (("without", "core.fsmonitor=false"), ("hook", hook)):
                # An index for each: they keep different things in it.
                index = f"{self.top}/.git/index-{name}-{cache}"
                shutil.copy2(f"{self.top}/.git/index", index)
                os.chown(index, UID, UID)
                ways[name, cache] = index, ["-c", monitor, "-c", f"core.untrackedCache={cache}"]
        return ways

    def status(self, way, user):
        self.index, options = way
        begun = time.perf_counter()
        said = self.git(*options, "-c", "safe.directory=*", "status", "--porcelain=v2", user=user)
        return time.perf_counter() - begun, said

    def rounds(self, ways, user, touched, times):
        kind = ("root" if user == 0 else "user") + (", 10 changed" if touched else ", unchanged")
        for turn in range(self.options.rounds):
            if touched:
                self.touch(turn)
            said = set()
            for name, way in ways.items():
                seconds, text = self.status(way, user)
                said.add(text)
                times.setdefault(kind, {}).setdefault(" ".join(name), []).append(seconds)
            if len(said) != 1:
                raise RuntimeError("the ways do not agree")

    def end_period(self):
        """As the daemon does by itself after an hour: what lies behind it is not told again."""
        while self.daemon.call("org.changejournal.GetStatus")["parameters"]["crawl"]["running"]:
            pass
        subprocess.run([self.changectl, f"--socket={self.daemon.socket}", "checkpoint"], check=True,
                       stdout=subprocess.DEVNULL)

    def measure(self):
        self.fill()
        self.daemon = daemon_fixture.Daemon(self.work, watch=self.mount)
        times = {}
        try:
            for user in (UID, 0):
                self.index = None
                self.git("commit", "-q", "--allow-empty", "-a", "-m", "more")
                self.end_period()
                ways = self.ways()
                for _ in range(3):
                    for way in ways.values():
                        self.status(way, user)
                self.rounds(ways, user, False, times)
                self.rounds(ways, user, True, times)
        finally:
            self.daemon.stop()
        return times

    def clean(self):
        subprocess.run(["umount", "-l", self.mount], check=False)
        subprocess.run(["umount", "-l", "/mnt"], check=False)
        shutil.rmtree(self.work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    bench = Bench(options)
    try:
        times = bench.measure()
    finally:
        bench.clean()
    for kind, ways in times.items():
        for cache in ("false", "true"):
            plain, hook = ways[f"without {cache}"], ways[f"hook {cache}"]
            ratios = sorted(a / b for a, b in zip(plain, hook))
            print(f"{kind}, untracked cache {cache}: without {statistics.median(plain):.4f} s, "
                  f"hook {statistics.median(hook):.4f} s, ratio {statistics.median(ratios):.2f} "
                  f"({ratios[0]:.2f} to {ratios[-1]:.2f})")
    if options.output:
        with open(options.output, "w", encoding="ascii") as file:
            json.dump({"git_status": times}, file, indent=1)


if __name__ == "__main__":
    main()
