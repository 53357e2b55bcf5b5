"""Who may watch a filesystem while something works on it. Each is a context manager that yields
once it sees every change below the path, and ends whatever it started.
"""
import contextlib
import os
import shutil
import subprocess
import tempfile
import time


@contextlib.contextmanager
def nobody(_bench, _path):
    yield


@contextlib.contextmanager
def minimal_reader(bench, path):
    """The floor: takes the daemon's events from the kernel and throws them away."""
    with subprocess.Popen([bench.reader_program, path], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as reader:
        if reader.stdout.readline() != b"ready\n":
            raise RuntimeError("the minimal reader does not start")
        yield
        reader.stdin.close()


@contextlib.contextmanager
def journal(bench, path):
    with bench.daemon(path):
        yield


@contextlib.contextmanager
def inotifywait(_bench, path):
    with subprocess.Popen(["inotifywait", "--monitor", "--recursive", path], text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        for line in process.stderr:
            if "Watches established" in line:
                break
        else:
            raise RuntimeError("inotifywait does not start")
        yield
        process.terminate()


def await_answer(command, server):
    """Asks until the server answers; a try takes some milliseconds."""
    deadline = time.monotonic() + 60
    while subprocess.run(command, check=False, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{server.args[0]} does not answer")


@contextlib.contextmanager
def watchman(_bench, path):
    """Its answer to a question says that it has crawled the tree and watches it."""
    directory = tempfile.mkdtemp(prefix="cj-watchman-")
    server = ["watchman", f"--sockname={directory}/socket", f"--statefile={directory}/state",
              f"--logfile={directory}/log", "--foreground", "--no-save-state"]
    client = ["watchman", f"--sockname={directory}/socket", "--no-spawn", "--no-local"]
    try:
        with open(os.path.join(directory, "output"), "wb") as output, \
             subprocess.Popen(server, stdout=output, stderr=output) as process:
            await_answer([*client, "version"], process)
            for question in (["watch", path], ["since", path, "n:bench"]):
                subprocess.run([*client, *question], check=True, stdout=subprocess.DEVNULL)
            yield
            process.terminate()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


PEERS = {"unwatched": nobody, "minimal_reader": minimal_reader, "journal": journal,
         "inotifywait": inotifywait, "watchman": watchman}
