"""Between a client and the daemon: which methods are called, and connections that end."""
import array
import json
import os
import re
import socket
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def interface_methods():
    path = os.path.join(TOP, "service", "org.changejournal.varlink")
    with open(path, encoding="utf-8") as file:
        return {"org.changejournal." + name
                for name in re.findall(r"^method (\w+)\(", file.read(), re.MULTILINE)}


class Relay:
    """A socket before the daemon's: hands all on, descriptors too. Its connections can be ended."""

    def __init__(self, path, connect):
        """connect: gives a connection to the daemon, or OSError where there is none now."""
        self.path, self.connect, self.ends = path, connect, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = self.connect()
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self.ends += [client, server]
            calls, replies = self.passages()
            for words in ((client, server, calls), (server, client, replies)):
                threading.Thread(target=self.hand_on, args=words, daemon=True).start()

    def passages(self):
        """For a new connection: what passes of calls, and of replies. Less than all ends it."""
        return lambda data: data, lambda data: data

    def hand_on(self, source, target, passes):
        try:
            whole = True
            while whole:
                data, descriptors, _, _ = socket.recv_fds(source, 65536, 4)
                if not data:
                    break
                passed = passes(data)
                whole = len(passed) == len(data)
                if descriptors:
                    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
                    passed = passed[target.sendmsg([passed], [rights]):]
                    for descriptor in descriptors:
                        os.close(descriptor)
                target.sendall(passed)
        except OSError:
            pass
        self.end(source, target)

    @staticmethod
    def end(*ends):
        for each in ends:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends what is connected."""
        ended, self.ends = self.ends, []
        self.end(*ended)

    def close(self):
        self.end(self.listener)
        self.listener.close()
        self.cut()


class Wiretap(Relay):
    """Notes the calls."""

    def __init__(self, path, daemon):
        self.methods = set()
        super().__init__(path, daemon.connect)

    def passages(self):
        rest = b""

        def note(data):
            nonlocal rest
            *whole, rest = (rest + data).split(b"\0")
            self.methods |= {json.loads(message)["method"] for message in whole}
            return data
        return note, lambda data: data

    def called(self):
        """Of our interface."""
        return {method for method in self.methods if method.startswith("org.changejournal.")}
