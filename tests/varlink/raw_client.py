#!/usr/bin/env python3
"""A Varlink client from Python's standard library alone, written from the protocol's description.

As a module: Connection(path).call(method, parameters) and .more(method, parameters).
As a program: raw_client.py SOCKET prints what the service says about itself, and checks it.
"""

import json
import socket
import sys


class VarlinkError(Exception):
    def __init__(self, name, parameters):
        super().__init__(f"{name} {json.dumps(parameters)}")
        self.name = name
        self.parameters = parameters


class Connection:
    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer = b""

    def send(self, method, parameters=None, **flags):
        call = {"method": method, **flags}
        if parameters is not None:
            call["parameters"] = parameters
        self.socket.sendall(json.dumps(call).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.buffer:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError("the service closed the connection")
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        reply = json.loads(message)
        unknown = set(reply) - {"parameters", "continues", "error"}
        if not isinstance(reply, dict) or unknown:
            raise ValueError(f"not a reply: {message!r}")
        if "error" in reply:
            raise VarlinkError(reply["error"], reply.get("parameters", {}))
        return reply.get("parameters", {}), reply.get("continues", False)

    def call(self, method, parameters=None):
        self.send(method, parameters)
        reply, continues = self.receive()
        if continues:
            raise ValueError("more replies than were asked for")
        return reply

    def more(self, method, parameters=None):
        self.send(method, parameters, more=True)
        continues = True
        while continues:
            reply, continues = self.receive()
            yield reply


def main():
    connection = Connection(sys.argv[1])
    info = connection.call("org.varlink.service.GetInfo")
    print(json.dumps(info, indent=2))
    missing = {"vendor", "product", "version", "url", "interfaces"} - set(info)
    if missing or "org.varlink.service" not in info["interfaces"]:
        sys.exit(f"GetInfo is not complete: {missing}")
    for name in info["interfaces"]:
        reply = connection.call(
            "org.varlink.service.GetInterfaceDescription", {"interface": name})
        if f"interface {name}" not in reply["description"]:
            sys.exit(f"the description of {name} is not its own")
    try:
        connection.call("org.varlink.service.GetInterfaceDescription", {"interface": 7})
        sys.exit("a number was taken for a name")
    except VarlinkError as error:
        if error.name != "org.varlink.service.InvalidParameter":
            raise


if __name__ == "__main__":
    main()
