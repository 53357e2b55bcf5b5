"""Two writers without a pause: what the daemon takes, whether it keeps up, and that nothing is
lost; and what the same rows cost a bare RocksDB. A part of measure.py.
"""
import json
import os
import subprocess
import tempfile
import time


def measure(bench, progress):
    with bench.volume("sustained", 8) as volume:
        with bench.daemon(volume.path) as daemon:
            result = under_load(bench, daemon, os.path.join(volume.path, "load"))
    floor = bare_store(bench, result["records_stored"], result["records_per_append"])
    progress(f"a bare store takes {floor:.2f} us for a row")
    result["bare_store_cpu_microseconds_per_row"] = floor
    of_a_record = 1e6 * result["daemon_cpu_seconds"] / max(1, result["records_stored"])
    result["daemon_cpu_per_record_to_bare_store"] = of_a_record / floor
    return result


def under_load(bench, daemon, directory):
    token = daemon.call("Checkpoint")["token"]
    resident_before = daemon.memory_kib("VmRSS")
    started = time.monotonic()
    done = bench.churn(directory, 0, bench.options.seconds)
    writing = time.monotonic() - started
    cpu = daemon.cpu_seconds()
    counters = daemon.settled()
    lag = time.monotonic() - started - writing
    cpu_all = daemon.cpu_seconds()
    peak = daemon.memory_kib("VmHWM")
    store = daemon.store_bytes()
    records = max(1, counters["records_stored"])
    return {
        "seconds": writing, "operations": done["operations"],
        "operations_per_second": done["operations"] / done["seconds"],
        "events_read": counters["events_read"], "records_stored": counters["records_stored"],
        "records_per_second": counters["records_stored"] / writing,
        "records_per_append": records / max(1, counters["appends"]),
        "daemon_cpu_seconds": cpu_all,
        "daemon_cpu_share_of_one_core": cpu / writing,
        "daemon_cpu_microseconds_per_event": cpu_all * 1e6 / max(1, counters["events_read"]),
        "lag_seconds_after_the_last_write": lag,
        "resident_kib_before": resident_before, "resident_kib_peak": peak,
        "store_bytes_per_record": store / records,
        "overflows": counters["overflows"], "lost": lost(bench, daemon, token, directory)}


def lost(bench, daemon, token, directory):
    """How many paths of the tree an answer does not name."""
    answer = subprocess.run([bench.changectl, f"--socket={daemon.socket}", "changes",
                             f"--since={token}", "-q", "-0", "--expand"], check=True,
                            stdout=subprocess.PIPE)
    named = set(answer.stdout.split(b"\0"))
    there = {os.fsencode(os.path.join(folder, name))
             for folder, folders, names in os.walk(directory) for name in folders + names}
    return len(there - named)


def bare_store(bench, rows, rows_per_write):
    """Microseconds of processor time for a row."""
    with tempfile.TemporaryDirectory(dir=bench.work) as directory:
        done = subprocess.run([bench.store_program, "append", directory, str(rows),
                               str(max(1, round(rows_per_write)))], check=True,
                              stdout=subprocess.PIPE)
    told = json.loads(done.stdout)
    return 1e6 * told["cpu_seconds"] / told["rows"]


def rows(result):
    for name, value in result.items():
        text = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
        yield "sustained: " + name.replace("_", " "), text
