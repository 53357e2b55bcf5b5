"""Whether start and checkpoint depend on how much there is: an empty volume against a full one, the
peers that must see the tree first, and the barrier that no checkpoint can do without. A part of
measure.py.
"""
import os
import signal
import statistics
import subprocess
import time

from peers import PEERS

START_KINDS = ("start", "start after a clean stop", "start after kill -9")


def measure(bench, progress):
    results = {}
    with bench.volume("empty", 1) as empty, bench.volume("full", 8) as full:
        tree = os.path.join(full.path, "tree")
        progress(f"making {bench.options.files} files")
        bench.load("fill", tree, bench.options.files)
        results.update(start_times(bench, empty, full))
        results["watchman_start"] = watchman_start(bench, full, progress)
        results["watchman_start"]["to_journal"] = (
            results["watchman_start"]["median"] / results["start"]["medians"]["full"])
        results["checkpoint"] = checkpoint_times(bench, empty, full, tree, progress)
    return results


def pair(seconds):
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {"seconds": seconds, "medians": medians,
            "full_to_empty": medians["full"] / medians["empty"]}


def start_times(bench, empty, full):
    """The first start, and those after another process was ended, cleanly or killed: nobody
    keeps what it left, so what happened meanwhile is a gap, as after a reboot."""
    starts = {what: {"empty": [], "full": []} for what in START_KINDS}
    for volume in (empty, full):
        bench.load("fill", os.path.join(volume.path, "some"), 1000)
    for _ in range(bench.options.rounds):
        for name, volume in (("empty", empty), ("full", full)):
            with bench.daemon(volume.path) as daemon:
                seconds = [daemon.start_seconds]
                for how in (signal.SIGTERM, signal.SIGKILL):
                    bench.load("touch", os.path.join(volume.path, "some"), 1000)
                    daemon.settled()
                    daemon.end(how)
                    daemon.start()
                    seconds.append(daemon.start_seconds)
            for what, value in zip(START_KINDS, seconds):
                starts[what][name].append(value)
    return {what: {"files": bench.options.files, **pair(values)}
            for what, values in starts.items()}


def watchman_start(bench, full, progress):
    """Until it has seen the tree, which it must before it can answer."""
    seconds = []
    for _ in range(min(3, bench.options.rounds)):
        started = time.monotonic()
        with PEERS["watchman"](bench, full.path):
            seconds.append(time.monotonic() - started)
        progress(f"watchman is ready after {seconds[-1]:.2f} s")
    return {"seconds": seconds, "median": statistics.median(seconds)}


def checkpoint_times(bench, empty, full, tree, progress):
    times = {"empty": [], "full": []}
    records, resident = [], []
    rounds = bench.options.checkpoint_rounds
    with bench.daemon(empty.path) as idle, bench.daemon(full.path) as busy:
        for turn in range(rounds):
            before = busy.counters()["records_stored"]
            bench.load("touch", tree, bench.options.files)
            records.append(busy.settled()["records_stored"] - before)
            resident.append(busy.memory_kib("VmRSS"))
            # The load's own pages on their way to the disk are not what is measured; and of two
            # waits for the kernel's readers in a row the second may take longer.
            os.sync()
            both = [("empty", idle), ("full", busy)]
            for name, daemon in both if turn % 2 == 0 else reversed(both):
                times[name].append(daemon.timed_checkpoint())
            progress(f"checkpoint {turn + 1}/{rounds}: empty {times['empty'][-1] * 1000:.1f} ms, "
                     f"{records[-1]} records {times['full'][-1] * 1000:.1f} ms")
        result = {"files": bench.options.files, "records": records, **pair(times),
                  "resident_kib": max(resident), "peak_kib": busy.memory_kib("VmHWM"),
                  "store_bytes_per_record": busy.store_bytes() / sum(records)}
    result["bare_barrier_seconds"], result["own_barrier_seconds"] = bare_barriers(bench, full)
    result["to_bare_barrier"] = result["medians"]["full"] / result["bare_barrier_seconds"]
    return result


def bare_barriers(bench, full):
    """As anybody would do it, and as the journal does."""
    told = subprocess.run([bench.barrier_program, full.path, str(bench.options.checkpoint_rounds)],
                          check=True, stdout=subprocess.PIPE).stdout
    lines = [[float(value) / 1e6 for value in line.split()] for line in told.splitlines()]
    return [statistics.median(column) for column in zip(*lines)]


def rows(results):
    for name in (*START_KINDS, "checkpoint"):
        if name in results:
            result = results[name]
            yield f"{name}, empty volume", f"{result['medians']['empty'] * 1e3:.1f} ms"
            yield f"{name}, {result['files']:,} files", f"{result['medians']['full'] * 1e3:.1f} ms"
            yield f"{name}, ratio", f"{result['full_to_empty']:.2f}"
    if "watchman_start" in results:
        peer = results["watchman_start"]
        yield "start, watchman", f"{peer['median']:.2f} s"
        yield "start, watchman / journal", f"{peer['to_journal']:.0f}"
    if "checkpoint" in results:
        result = results["checkpoint"]
        yield "bare barrier", f"{result['bare_barrier_seconds'] * 1e3:.2f} ms"
        yield "checkpoint / bare barrier", f"{result['to_bare_barrier']:.2f}"
        yield "the journal's own barrier", f"{result['own_barrier_seconds'] * 1e3:.2f} ms"
        yield "resident, a period's records stored", f"{result['resident_kib'] / 1024:.0f} MiB"
        yield "resident, peak", f"{result['peak_kib'] / 1024:.0f} MiB"
        yield "on disk per record", f"{result['store_bytes_per_record']:.1f} bytes"
