"""Key pairs as files, keys files, and pyzmq sockets that use them.

SPDX-License-Identifier: MIT
"""

import os

import zmq


class Pair:
    def __init__(self, folder, name):
        self.name = name
        self.public, self.secret = zmq.curve_keypair()
        self.path = folder / f"{name}.key"
        with open(os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
            file.write(b"name: %s\npublic: '%s'\nsecret: '%s'\n" % (name.encode(), self.public, self.secret))

    def client(self, server):
        """Socket options of a client of this key, for Sockets.connect()."""
        return {"curve_serverkey": server.public, "curve_publickey": self.public, "curve_secretkey": self.secret}


def write_keys(path, roles, **pairs):
    """pairs: name = (pair, [role, ...]) or (pair, [role, ...], "rate: 5")."""
    lines = ["roles:"] + [f"  {name}: [{', '.join(grants)}]" for name, grants in roles.items()] if roles else []
    lines.append("keys:" if pairs else "keys: {}")
    for name, (pair, names, *more) in pairs.items():
        extra = "".join(f", {text}" for text in more)
        lines.append(f"  {name}: {{key: '{pair.public.decode()}', roles: [{', '.join(names)}]{extra}}}")
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n")
    fresh.replace(path)
