"""How fast answers come: a few changes in a large tree against find, a million changes, and what
readers cost a writer. A part of measure.py.
"""
import os
import shutil
import statistics
import subprocess
import threading
import time

CHANGED = 100       # of the tree, in the small question
CLIENTS = 16
ASK_SECONDS = 1.0   # each client asks so often


def changectl(bench, daemon, *words):
    return [bench.changectl, f"--socket={daemon.socket}", "changes", "-q", *words]


def seconds_of(command):
    started = time.monotonic()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return time.monotonic() - started, done.stdout


def few(bench, daemon, tree, progress):
    """What changed since a moment ago, against a walk that looks for it in a warm cache."""
    times = {"changectl": [], "find": []}
    stamp = os.path.join(bench.work, "stamp")
    for turn in range(bench.options.rounds):
        with open(stamp, "w", encoding="ascii"):
            pass
        token = daemon.call("Checkpoint")["token"]
        bench.load("touch", tree, CHANGED)
        took, answer = seconds_of(changectl(bench, daemon, f"--since={token}", "-0"))
        if answer.count(b"\0") < CHANGED:
            raise RuntimeError("the answer is too short")
        times["changectl"].append(took)
        times["find"].append(seconds_of(["find", tree, "-newer", stamp])[0])
        progress(f"few {turn + 1}/{bench.options.rounds}: changectl {took * 1e3:.1f} ms, find "
                 f"{times['find'][-1]:.2f} s")
    medians = {way: statistics.median(values) for way, values in times.items()}
    return {"seconds": times, "medians": medians,
            "find_to_changectl": medians["find"] / medians["changectl"]}


def drain(command):
    """Seconds until the first byte and until the end, and what came, counted in `ends`."""
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        first, got, ends = None, 0, {b"\0": 0, b"\n": 0}
        while True:
            part = os.read(process.stdout.fileno(), 1 << 20)
            if first is None:
                first = time.monotonic() - started
            if not part:
                break
            got += len(part)
            for end in ends:
                ends[end] += part.count(end)
    if process.returncode != 0:
        raise RuntimeError(f"{command} failed")
    return {"first": first, "seconds": time.monotonic() - started, "bytes": got,
            "lines": max(ends.values())}


def many(bench, daemon, tree, progress):
    """Everything changed, in a period that is sealed."""
    token = daemon.call("Checkpoint")["token"]
    bench.load("touch", tree, bench.options.files)
    until = daemon.call("Checkpoint")["token"]
    before = daemon.memory_kib("VmRSS")
    results = {}
    for form, words in (("paths", ["-0"]), ("json", ["--format=json"])):
        command = changectl(bench, daemon, f"--since={token}", f"--until={until}", *words)
        runs = [drain(command) for _ in range(bench.options.rounds)]
        seconds = statistics.median(run["seconds"] for run in runs)
        lines = runs[0]["lines"]
        results[form] = {"runs": runs, "lines": lines, "per_second": lines / seconds,
                         "first_byte_seconds": statistics.median(run["first"] for run in runs),
                         "growth_kib": daemon.memory_kib("VmHWM") - before}  # at most, so far
        progress(f"many, {form}: {lines / seconds:,.0f} per second")
    return results


class Readers:
    """Clients that ask again and again for what changed since they asked last."""

    def __init__(self, bench, daemon, asks=True):
        self.bench, self.daemon = bench, daemon
        self.asks = asks  # False: only the program is started, which costs the writer, too
        self.ended = threading.Event()
        self.answers = 0
        self.threads = [threading.Thread(target=self.ask) for _ in range(CLIENTS)]

    def ask(self):
        token = self.daemon_token()
        while not self.ended.wait(ASK_SECONDS):
            if not self.asks:
                subprocess.run([self.bench.changectl, "--version"], check=True,
                               stdout=subprocess.DEVNULL)
                continue
            command = [self.bench.changectl, f"--socket={self.daemon.socket}", "changes",
                       f"--since={token}", "-0"]
            done = subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
            token = done.stderr.split()[-1]
            self.answers += 1

    def daemon_token(self):
        done = subprocess.run([self.bench.changectl, f"--socket={self.daemon.socket}",
                               "checkpoint"], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def readers(bench, daemon, volume, progress):
    """The same work with and without clients that ask."""
    times = {"alone": [], "with starters": [], "with readers": []}
    directory = os.path.join(volume.path, "writer")
    files = bench.options.files // 5
    answers = 0
    for turn in range(bench.options.rounds):
        for way, values in times.items():
            bench.load("folders", directory, files)
            if way == "alone":
                values.append(bench.load("create", directory, files)["seconds"])
            else:
                with Readers(bench, daemon, way == "with readers") as asking:
                    values.append(bench.load("create", directory, files)["seconds"])
                answers += asking.answers
            shutil.rmtree(directory)
            daemon.settled()
        told = ", ".join(f"{way} {values[-1]:.2f} s" for way, values in times.items())
        progress(f"readers {turn + 1}/{bench.options.rounds}: {told}")
    medians = {way: statistics.median(values) for way, values in times.items()}
    return {"seconds": times, "medians": medians, "answers": answers,
            "slow_down": medians["with readers"] / medians["alone"],
            "slow_down_by_starters": medians["with starters"] / medians["alone"]}


def measure(bench, progress):
    with bench.volume("queries", 12) as volume:
        tree = os.path.join(volume.path, "tree")
        progress(f"making {bench.options.files} files")
        bench.load("fill", tree, bench.options.files)
        with bench.daemon(volume.path) as daemon:
            return {"files": bench.options.files,
                    "few": few(bench, daemon, tree, progress),
                    "many": many(bench, daemon, tree, progress),
                    "readers": readers(bench, daemon, volume, progress)}


def rows(result):
    small = result["few"]
    yield f"{CHANGED} changes in {result['files']:,} files", \
        f"{small['medians']['changectl'] * 1e3:.1f} ms"
    yield "find / changectl", f"{small['find_to_changectl']:,.0f}"
    for form in ("paths", "json"):
        big = result["many"][form]
        yield f"{big['lines']:,} changes as {form}", f"{big['per_second']:,.0f} /s"
        yield "first byte after", f"{big['first_byte_seconds'] * 1e3:.1f} ms"
        yield "the daemon's memory has grown by", f"{big['growth_kib'] / 1024:.0f} MiB"
    yield f"a writer with {CLIENTS} readers / alone", f"{result['readers']['slow_down']:.3f}"
    yield (f"the same with {CLIENTS} programs that only start",
           f"{result['readers']['slow_down_by_starters']:.3f}")
