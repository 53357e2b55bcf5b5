#!/usr/bin/env python3
"""Measures what the journal costs and how fast it is; see scripts/bench.sh.

What is compared is run in turn (A B C A B C ...) on the same machine in the same minutes;
medians and their ratios are what counts. Writes a table to stdout, all numbers to a JSON file.
"""

import argparse
import json
import os
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import crawl
import fleet
import plots
import queries
import scale
import sustained
import workloads

READY_SECONDS = 60  # nobody starts so slowly
PARTS = ("overhead", "workloads", "sustained", "scale", "queries", "fleet", "crawl")
QUIET_SECONDS = 0.5  # counters that stand still for so long have arrived


def progress(text):
    print(f"   {text}", file=sys.stderr, flush=True)


def run(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, **options)


class Volume:
    """A filesystem in a file, mounted for as long as the with block."""

    def __init__(self, work, name, kind, gibibytes):
        self.image = os.path.join(work, name + ".img")
        self.path = os.path.join(work, name)
        self.kind = kind
        self.bytes = gibibytes << 30

    def __enter__(self):
        os.mkdir(self.path)
        if self.kind == "tmpfs":
            run("mount", "-t", "tmpfs", "-o", f"size={self.bytes}", "tmpfs", self.path)
            return self
        with open(self.image, "wb") as image:
            image.truncate(self.bytes)
        # One inode per 4 KiB, so that millions of empty files fit.
        more = ["-i", "4096"] if self.kind == "ext4" else []
        run(f"mkfs.{self.kind}", "-q", *more, self.image)
        run("mount", "-o", "loop", self.image, self.path)
        return self

    def __exit__(self, *unused):
        subprocess.run(["umount", "-l", self.path], check=False)
        os.rmdir(self.path)
        if os.path.exists(self.image):
            os.unlink(self.image)


class Daemon:
    """changejournald on one tree, with a state directory and a socket of its own."""

    def __init__(self, program, work, watch, options=()):
        self.directory = tempfile.mkdtemp(dir=work)
        self.state = os.path.join(self.directory, "state")
        self.socket = os.path.join(self.directory, "socket")
        self.command = [program, f"--state-directory={self.state}", f"--socket={self.socket}",
                        *(options or [f"--watch={watch}"])]
        self.start()

    def start(self):
        """Returns when it is ready; start_seconds says how long that took."""
        notify_path = os.path.join(self.directory, "notify")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(notify_path)
        notify.settimeout(1)
        started = time.monotonic()
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(
                self.command, env={**os.environ, "NOTIFY_SOCKET": notify_path}, stderr=log,
                stdout=log)
        while not self.is_ready(notify):
            if self.process.poll() is not None or time.monotonic() - started > READY_SECONDS:
                with open(os.path.join(self.directory, "log"), encoding="utf-8") as log:
                    raise RuntimeError("the daemon does not get ready:\n" + log.read()[-2000:])
        self.start_seconds = time.monotonic() - started
        notify.close()
        os.unlink(notify_path)
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.settimeout(600)
        self.connection.connect(self.socket)

    @staticmethod
    def is_ready(notify):
        try:
            return b"READY=1" in notify.recv(4096).split(b"\n")
        except TimeoutError:
            return False

    def end(self, how=signal.SIGTERM):
        self.connection.close()
        self.process.send_signal(how)
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.end()
        shutil.rmtree(self.directory)

    def call(self, method, **parameters):
        message = {"method": "org.changejournal." + method, "parameters": parameters}
        self.connection.sendall(json.dumps(message).encode() + b"\0")
        reply = b""
        while not reply.endswith(b"\0"):
            part = self.connection.recv(1 << 20)
            if not part:
                raise RuntimeError(f"{method}: the daemon closed the connection")
            reply += part
        parsed = json.loads(reply[:-1])
        if "error" in parsed:
            raise RuntimeError(f"{method}: {parsed}")
        return parsed.get("parameters", {})

    def counters(self):
        return self.call("GetStatus")["counters"]

    def settled(self):
        """The counters, once they stand still: the queue is empty."""
        last, since = None, time.monotonic()
        while True:
            now = self.counters()
            key = (now["events_read"], now["records_stored"])
            if key != last:
                last, since = key, time.monotonic()
            elif time.monotonic() - since > QUIET_SECONDS:
                return now
            select.select([], [], [], QUIET_SECONDS / 5)  # asking costs the daemon time, too

    def timed_checkpoint(self):
        started = time.monotonic()
        self.call("Checkpoint")
        return time.monotonic() - started

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self, field):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        return 0

    def store_bytes(self):
        return sum(os.path.getsize(os.path.join(folder, name))
                   for folder, _, names in os.walk(self.state) for name in names)


class Bench:
    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.load_program = os.path.join(options.build, "bench/bench_load")
        self.reader_program = os.path.join(options.build, "bench/bench_minimal_reader")
        self.barrier_program = os.path.join(options.build, "bench/bench_minimal_barrier")
        self.store_program = os.path.join(options.build, "bench/bench_minimal_store")
        self.daemon_program = os.path.join(options.build, "service/changejournald")
        self.changectl = os.path.join(options.build, "client/changectl")
        self.results = {}

    def load(self, *words):
        done = run(self.load_program, *words, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def daemon(self, watch, *options):
        return Daemon(self.daemon_program, self.work, watch, options)

    def volume(self, name, gibibytes):
        return Volume(self.work, name, self.options.filesystem, gibibytes)

    def crawl(self):
        """The walk that fills a gap, against find."""
        self.results["crawl"] = crawl.measure(self, progress)

    def workloads(self):
        """Single kinds of work, under the journal and under what people use today."""
        self.results["workloads"] = workloads.measure(self, progress)

    def queries(self):
        """How fast answers come."""
        self.results["queries"] = queries.measure(self, progress)

    def fleet(self):
        """Questions over many periods."""
        self.results["fleet"] = fleet.measure(self, progress)

    def churn(self, directory, operations, seconds):
        os.mkdir(directory)
        return self.load("churn", directory, 2, operations, seconds)

    def churn_unwatched(self, volume, directory):
        return self.churn(directory, self.options.operations, 0)["seconds"]

    def churn_under_reader(self, volume, directory):
        reader = subprocess.Popen([self.reader_program, volume.path], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        reader.stdout.readline()
        seconds = self.churn(directory, self.options.operations, 0)["seconds"]
        reader.communicate()
        return seconds

    def churn_under_journal(self, volume, directory):
        with self.daemon(volume.path) as daemon:
            return self.churn(directory, self.options.operations, 0)["seconds"]

    def overhead(self):
        """The same work unwatched, under the least possible reader, and under the journal."""
        ways = {"unwatched": self.churn_unwatched, "minimal_reader": self.churn_under_reader,
                "journal": self.churn_under_journal}
        times = {name: [] for name in ways}
        with Volume(self.work, "overhead", self.options.filesystem, 8) as volume:
            for turn in range(self.options.rounds):
                for name, way in ways.items():
                    directory = os.path.join(volume.path, f"{name}{turn}")
                    times[name].append(way(volume, directory))
                    shutil.rmtree(directory)
                    run("sync", "-f", volume.path)
                    progress(f"overhead {turn + 1}/{self.options.rounds} {name}: "
                             f"{times[name][-1]:.2f} s")
        medians = {name: statistics.median(values) for name, values in times.items()}
        self.results["overhead"] = {
            "operations": 2 * self.options.operations, "seconds": times, "medians": medians,
            "journal_to_minimal_reader": medians["journal"] / medians["minimal_reader"],
            "journal_to_unwatched": medians["journal"] / medians["unwatched"]}

    def sustained(self):
        """Two writers without a pause."""
        self.results["sustained"] = sustained.measure(self, progress)

    def scale(self):
        """Start and checkpoint must not depend on how much there is."""
        self.results.update(scale.measure(self, progress))

    def save(self):
        self.results["machine"] = {"kernel": os.uname().release, "cpus": os.cpu_count(),
                                   "filesystem": self.options.filesystem,
                                   "quick": self.options.quick}
        with open(self.options.output, "w", encoding="utf-8") as file:
            json.dump(self.results, file, indent=2)
            file.write("\n")

    def table(self):
        rows = []
        if "overhead" in self.results:
            overhead = self.results["overhead"]
            for name, value in overhead["medians"].items():
                rows.append((f"workload, {name}", f"{value:.2f} s"))
            rows.append(("journal / minimal reader",
                         f"{overhead['journal_to_minimal_reader']:.3f}"))
            rows.append(("journal / unwatched", f"{overhead['journal_to_unwatched']:.3f}"))
        rows += sustained.rows(self.results.get("sustained", {}))
        rows += scale.rows(self.results)
        rows += workloads.rows(self.results.get("workloads", {}))
        if "queries" in self.results:
            rows += queries.rows(self.results["queries"])
        rows += fleet.rows(self.results.get("fleet", {}))
        if "crawl" in self.results:
            rows += crawl.rows(self.results["crawl"])
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value:>16}" for name, value in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build directory")
    parser.add_argument("--output", required=True, help="JSON file to write")
    parser.add_argument("--filesystem", default="ext4")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--only", help="parts, with commas between them: " + ", ".join(PARTS))
    parser.add_argument("--rounds", type=int, help="how often each is done")
    options = parser.parse_args()
    wanted = [part for part in (options.only or ",".join(PARTS)).split(",") if part]
    unknown = set(wanted) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    small = options.quick
    options.operations = 50_000 if small else 400_000  # per writer
    options.rounds = options.rounds or (3 if small else 7)
    options.seconds = 8 if small else 60
    options.files = 50_000 if small else 1_000_000
    options.checkpoint_rounds = 6 if small else 20
    work = tempfile.mkdtemp(prefix="cj-bench-")
    bench = Bench(options, work)
    try:
        for part in PARTS:
            if part in wanted:
                progress(part)
                getattr(bench, part)()
                bench.save()  # the next part may fail
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for path in plots.draw(bench.results, os.path.dirname(os.path.abspath(options.output))):
        print(f"picture: {path}")
    print(bench.table())
    print(f"all numbers: {options.output}")
    return 1 if bench.results.get("sustained", {}).get("lost", 0) else 0


if __name__ == "__main__":
    sys.exit(main())
