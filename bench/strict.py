#!/usr/bin/env python3
"""What strict mode costs a program: opens unwatched, answered by a program that does nothing else
(the answerer), watched, and with PreModify=open and access.

Each has a filesystem and a daemon of its own; they are measured in turn, and the medians are set
against the unwatched one's. A round begins with a checkpoint, so that the first open of each file
is the first of its period. Writes a table to stdout, all numbers to a JSON file.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from measure import Daemon, Volume, progress

WATCHED = {"off": ("off", "wal"), "open": ("open", "wal"), "open, sync": ("open", "sync"),
           "access": ("access", "wal")}
# In a period: opens for reading before anybody has written to the file, the first write, the next
# one, and opens for reading after that.
PASSES = (("read-only open", "read"), ("first write", "write"), ("next write", "write"),
          ("read-only, written", "read"))


class StrictBench:
    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.program = os.path.join(options.build, "bench/bench_opens")
        self.microseconds = {}

    def opens(self, what, volume):
        done = subprocess.run([self.program, what, volume.path, str(self.options.files)],
                              check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        return 1e6 * told["seconds"] / told["operations"]

    def configured(self, name, volume):
        mode, durability = WATCHED[name]
        path = os.path.join(self.work, name.replace(", ", "-") + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[Watch]\nPath={volume.path}\nPreModify={mode}\n"
                       f"Durability={durability}\n")
        return f"--config={path}"

    @contextlib.contextmanager
    def answerer(self, volume):
        """Runs only while it is measured: it takes a processor for itself."""
        program = os.path.join(self.options.build, "bench/bench_minimal_answerer")
        process = subprocess.Popen([program, volume.path], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the minimal answerer does not start")
        yield
        process.stdin.close()
        process.stdout.read()
        process.wait()

    def measure(self, name, what, volume):
        with self.answerer(volume) if name == "answerer" else contextlib.nullcontext():
            return self.opens(what, volume)

    def run(self):
        with contextlib.ExitStack() as stack:
            volumes, daemons = {}, {}
            for name in ("unwatched", "answerer", *WATCHED):
                volume = Volume(self.work, name.replace(", ", "-"), self.options.filesystem, 1)
                volumes[name] = stack.enter_context(volume)
                self.opens("make", volume)
                if name in WATCHED:
                    daemon = Daemon(os.path.join(self.options.build, "service/changejournald"),
                                    self.work, volume.path, [self.configured(name, volume)])
                    daemons[name] = stack.enter_context(daemon)
            for number in range(self.options.rounds):
                progress(f"round {number + 1}/{self.options.rounds}")
                for daemon in daemons.values():
                    daemon.timed_checkpoint()
                for label, what in PASSES:
                    for name, volume in volumes.items():
                        self.microseconds.setdefault(label, {}).setdefault(name, []).append(
                            self.measure(name, what, volume))
            missed = {name: daemon.call("GetStatus").get("strict", {}).get("missed", 0)
                      for name, daemon in daemons.items()}
        return {"microseconds": self.microseconds, "missed": missed}

    def table(self):
        names = ["unwatched", "answerer", *WATCHED]
        rows = [["", *names]]
        for label, values in self.microseconds.items():
            medians = [statistics.median(values[name]) for name in names]
            rows.append([label] + [f"{median:.2f} us" for median in medians])
            rows.append(["  ratio"] + [f"{median / medians[0]:.2f}" for median in medians])
        return "\n".join("  ".join(f"{cell:>18}" for cell in row) for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build directory")
    parser.add_argument("--output", required=True, help="JSON file to write")
    parser.add_argument("--filesystem", default="ext4")
    parser.add_argument("--quick", action="store_true", help="fewer files and rounds")
    parser.add_argument("--rounds", type=int, help="how often each is done")
    options = parser.parse_args()
    options.files = 1000 if options.quick else 5000
    options.rounds = options.rounds or (5 if options.quick else 15)
    work = tempfile.mkdtemp(prefix="cj-bench-")
    bench = StrictBench(options, work)
    try:
        results = bench.run()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    results["machine"] = {"kernel": os.uname().release, "cpus": os.cpu_count(),
                          "filesystem": options.filesystem, "quick": options.quick}
    with open(options.output, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=2)
        file.write("\n")
    print(bench.table())
    print(f"all numbers: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
