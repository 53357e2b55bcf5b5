"""How long work takes while somebody watches: nobody, the floor, the journal, and the peers that
people use today. A part of measure.py.
"""
import os
import shutil
import statistics
import subprocess
import time

from peers import PEERS

FILES = 200_000       # of the small operations
HOT_WRITES = 2_000_000
BUILD_ROUNDS = 3      # a build takes half a minute
SOURCES = "/usr/include/boost"      # what is unpacked
PROJECT = "/usr/src/googletest"     # what is built


def quiet(*words, **options):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, **options)


class Files:
    """One of the operations of bench_load on many small files."""

    def __init__(self, bench, operation):
        self.bench, self.operation = bench, operation
        self.files = FILES // 10 if bench.options.quick else FILES
        self.rounds = bench.options.rounds

    def prepare(self, directory):
        self.bench.load("fill" if self.operation != "create" else "folders", directory, self.files)

    def run(self, directory):
        self.bench.load(self.operation, directory, self.files)


class Hot:
    """One file, small writes without a pause."""

    def __init__(self, bench):
        self.bench = bench
        self.rounds = bench.options.rounds

    def prepare(self, directory):
        os.mkdir(directory)

    def run(self, directory):
        self.bench.load("hot", directory, HOT_WRITES // (10 if self.bench.options.quick else 1))


class Untar:
    def __init__(self, bench):
        self.archive = os.path.join(bench.work, "sources.tar")
        self.rounds = bench.options.rounds
        if not os.path.exists(self.archive):
            quiet("tar", "-cf", self.archive, "-C", os.path.dirname(SOURCES),
                  os.path.basename(SOURCES))

    def prepare(self, directory):
        os.mkdir(directory)

    def run(self, directory):
        quiet("tar", "-xf", self.archive, "-C", directory)


class Build:
    """Without a compiler cache, which the machine may have in front of its compiler."""

    def __init__(self, bench):
        self.rounds = min(BUILD_ROUNDS, bench.options.rounds)

    def prepare(self, directory):
        quiet("cmake", "-S", PROJECT, "-B", directory, "-DCMAKE_CXX_COMPILER=/usr/bin/g++")

    def run(self, directory):
        quiet("cmake", "--build", directory, "-j", os.cpu_count(),
              env={**os.environ, "CCACHE_DISABLE": "1"})


def workloads(bench):
    for operation in ("create", "rename", "unlink"):
        yield operation, Files(bench, operation)
    yield "hot file", Hot(bench)
    yield "untar", Untar(bench)
    yield "build", Build(bench)


def timed(bench, volume, peer, work):
    directory = os.path.join(volume.path, "work")
    work.prepare(directory)
    quiet("sync", "-f", volume.path)
    with PEERS[peer](bench, volume.path):
        started = time.monotonic()
        work.run(directory)
        seconds = time.monotonic() - started
    shutil.rmtree(directory)
    quiet("sync", "-f", volume.path)
    return seconds


def one(bench, name, work, progress):
    seconds = {peer: [] for peer in PEERS}
    with bench.volume("workload", 8) as volume:
        for turn in range(work.rounds):
            for peer, values in seconds.items():
                values.append(timed(bench, volume, peer, work))
            told = ", ".join(f"{peer} {values[-1]:.2f} s" for peer, values in seconds.items())
            progress(f"{name} {turn + 1}/{work.rounds}: {told}")
    medians = {peer: statistics.median(values) for peer, values in seconds.items()}
    ratios = [a / b for a, b in zip(seconds["journal"], seconds["minimal_reader"])]
    return {"seconds": seconds, "medians": medians,
            "journal_to": {peer: medians["journal"] / value for peer, value in medians.items()},
            "journal_to_minimal_reader_spread": [min(ratios), max(ratios)]}


def measure(bench, progress):
    return {name: one(bench, name, work, progress) for name, work in workloads(bench)}


def rows(results):
    for name, result in results.items():
        for peer, seconds in result["medians"].items():
            ratio = result["journal_to"][peer]
            if peer == "journal":
                yield f"{name}, journal", f"{seconds:.2f} s"
            else:
                yield f"{name}, {peer}", f"{seconds:.2f} s; {ratio:.3f}"
