"""Between a client and the daemon: which methods are called."""
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


class Wiretap:
    """Between clients and the daemon: hands all on, descriptors too, and notes the calls."""

    def __init__(self, path, daemon):
        self.path, self.daemon, self.methods = path, daemon, set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = self.daemon.connect()
            server.settimeout(None)
            for words in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.hand_on, args=words, daemon=True).start()

    def hand_on(self, source, target, calls):
        rest = b""
        try:
            while True:
                data, descriptors, _, _ = socket.recv_fds(source, 65536, 4)
                if not data:
                    break
                if calls:
                    *whole, rest = (rest + data).split(b"\0")
                    self.methods |= {json.loads(message)["method"] for message in whole}
                if descriptors:
                    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
                    data = data[target.sendmsg([data], [rights]):]
                    for descriptor in descriptors:
                        os.close(descriptor)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def called(self):
        """Of our interface."""
        return {method for method in self.methods if method.startswith("org.changejournal.")}
