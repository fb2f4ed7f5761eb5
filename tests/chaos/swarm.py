"""A broker behind a proxy, clients with ledgers, and the ways to hurt them.

SPDX-License-Identifier: MIT
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))

from ledger import Account, read  # noqa: E402
from processes import Bus  # noqa: E402
from proxy import Proxy  # noqa: E402

BUILD = pathlib.Path(os.environ["STRATO_BUILD"])
PATIENCE_S = 90  # no claim about speed: how long until a test gives up
CHANNEL = "chaos"
CONFIG = "channels:\n  - {name: chaos, pattern: work, capacity: 64, lease: 5s, start_timeout: 5s, durable: %s}\n"


def eventually(claim, what):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = claim()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {what}")
        time.sleep(0.02)


class Client:
    """A chaos_client with its ledger."""

    def __init__(self, swarm, role, name):
        self.name = name
        self.ledger = swarm.folder / f"{name}.ledger"
        self.swarm = swarm
        self.child = subprocess.Popen([BUILD / "tests/chaos/chaos_client", role, swarm.proxy.endpoint, CHANNEL,
                                       self.ledger, name], stderr=subprocess.PIPE, text=True)

    def count(self, kind):
        return sum(1 for line in read(self.ledger) if line[0] == kind)

    def gets_on(self, kind, by=50):
        """Wait until so many more lines of a kind were written: it lives, and so does the broker for it."""
        start = self.count(kind)

        def claim():
            assert self.child.poll() is None, f"{self.name} left with {self.child.returncode}: {self.child.stderr.read()}"
            return self.count(kind) >= start + by

        eventually(claim, f"{self.name} writes {by} more lines {kind!r} after {start}")

    def kill(self):
        self.child.kill()
        self.child.wait(PATIENCE_S)

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.child.send_signal(signal.SIGCONT)

    def leave(self):
        """SIGTERM; it finishes what it is at."""
        self.child.terminate()
        status = self.child.wait(PATIENCE_S)
        assert status == 0, f"{self.name} left with {status}: {self.child.stderr.read()}"


class Swarm:
    """One bus behind a proxy. Use as a context manager."""

    def __init__(self, *arguments, environment=None, wrapper=(), is_durable=False):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self._folder.name)
        self.config = self.folder / "stratod.yaml"
        self.config.write_text(CONFIG % ("yes" if is_durable else "no"))
        self.is_durable = is_durable
        if is_durable:
            arguments = ("--data", self.folder / "data", *arguments)
        self.arguments = ("--config", self.config, "--services", "", "--connections", "256", *arguments)
        self.wrapper = wrapper
        if environment:
            self.wrapper = ("env", *(f"{k}={v}" for k, v in environment.items()), *wrapper)
        self.clients = []
        self.bus = Bus(BUILD, *self.arguments, wrapper=self.wrapper)
        self.proxy = Proxy(self.port)

    @property
    def port(self):
        return int(self.bus.endpoint.rsplit(":", 1)[1])

    def client(self, role, name):
        client = Client(self, role, name)
        self.clients.append(client)
        return client

    def replace_broker(self):
        """kill -9, and another broker at another address behind the same proxy."""
        self.bus.broker.child.kill()
        self.bus.broker.child.wait(PATIENCE_S)
        self.bus.__exit__(None, None, None)
        self.bus = Bus(BUILD, *self.arguments, wrapper=self.wrapper)
        self.proxy.move(self.port)

    def counts(self):
        return self.bus.channels()[CHANNEL]

    def settle(self, is_whole=True, epoch=None):
        """The end of every test: producers leave, takers empty the channel, and the books are compared."""
        senders = [c for c in self.clients if c.child.poll() is None and c.count("s")]
        takers = [c for c in self.clients if c.child.poll() is None and c not in senders]
        for sender in senders:
            sender.leave()
        eventually(lambda: self.held() == 0, f"the channel is empty: {self.counts()}")
        for taker in takers:
            taker.leave()
        self.bus.assert_laws()
        account = Account(self.folder)
        account.judge(self.counts(), epoch, is_whole, self.is_durable)
        return account

    def held(self):
        counts = self.counts()
        return counts["ready"] + counts["leased"] + counts["delayed"]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print("\n".join(self.bus.broker.lines[-40:]))
        for client in self.clients:
            if client.child.poll() is None:
                client.child.kill()
            client.child.wait()
        self.proxy.close()
        self.bus.__exit__(kind, value, trace)
        self._folder.cleanup()
