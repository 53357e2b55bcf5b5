"""How fast a crawl looks at files, against find doing the same; a part of measure.py."""
import os
import statistics
import subprocess
import time


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")


def find_seconds(tree):
    """find looks at the change time of everything, and finds nothing."""
    started = time.monotonic()
    subprocess.run(["find", tree, "-newerct", "tomorrow", "-print"], check=True,
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def crawl_seconds(bench, daemon, tree):
    subprocess.run([bench.changectl, f"--socket={daemon.socket}", "crawl", tree], check=True,
                   stderr=subprocess.DEVNULL)
    status = daemon.call("GetStatus")["crawl"]
    if status["changed"] != 0:
        raise RuntimeError(f"the crawl found changes, so it left something out: {status}")
    return status["took_usec"] / 1e6, status["entries"]


def measure(bench, progress):
    times = {cache: {"find": [], "crawl": []} for cache in ("warm", "cold")}
    config = os.path.join(bench.work, "crawl.conf")
    with bench.volume("crawl", 8) as volume:
        with open(config, "w", encoding="ascii") as file:  # the tree is older than the journal
            file.write(f"[Journal]\nCrawlMarginSec=20ms\n[Watch]\nPath={volume.path}\n")
        tree = os.path.join(volume.path, "tree")
        progress(f"making {bench.options.files} files")
        bench.load("fill", tree, bench.options.files)
        drop_caches()
        with bench.daemon(volume.path, f"--config={config}") as daemon:
            entries = crawl_seconds(bench, daemon, tree)[1]
            for turn in range(bench.options.rounds):
                for cache, pair in times.items():
                    if cache == "cold":
                        drop_caches()
                    pair["find"].append(find_seconds(tree))
                    if cache == "cold":
                        drop_caches()
                    pair["crawl"].append(crawl_seconds(bench, daemon, tree)[0])
                    progress(f"crawl {turn + 1}/{bench.options.rounds} {cache}: find "
                             f"{pair['find'][-1]:.2f} s, crawl {pair['crawl'][-1]:.2f} s")
    medians = {cache: {way: statistics.median(values) for way, values in pair.items()}
               for cache, pair in times.items()}
    return {"entries": entries, "seconds": times, "medians": medians,
            "find_to_crawl": {cache: pair["find"] / pair["crawl"]
                              for cache, pair in medians.items()}}


def rows(result):
    for cache, medians in result["medians"].items():
        for way, seconds in medians.items():
            yield f"{way}, {cache} cache", f"{result['entries'] / seconds:,.0f} files/s"
        yield f"crawl / find, {cache} cache", f"{result['find_to_crawl'][cache]:.2f}"
