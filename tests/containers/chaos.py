"""Chaos across the containers of docker/compose.yaml: what was confirmed is received, whatever is killed, paused, cut or upgraded.

Run by `./run docker`, once the images are there and the project is up. The clients write ledgers; the law is judged from those,
outside of the broker, and the broker's own books are only compared with them at the end.

usage: chaos.py COMPOSE_COMMAND...        e.g. chaos.py docker-compose -f docker/compose.yaml
SPDX-License-Identifier: MIT
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))

from ledger import Account, read  # noqa: E402

COMPOSE = sys.argv[1:]
CLIENTS = ("send1", "send2", "take1", "take2")
PATIENCE_S = 120  # no claim about speed: how long until the test gives up


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def compose(*words, **variables):
    return run(*COMPOSE, *words, env={**os.environ, **variables})


def container(service):
    return compose("ps", "-q", service).split()[0]


def inspect(service, form):
    return run("docker", "inspect", "-f", form, container(service)).strip()


def strato(*words):
    return run("docker", "exec", container("broker"), "strato", *words)


def eventually(claim, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := claim()):
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.2)
    return found


class Ledgers:
    """The clients' ledgers, copied out of the volume that they share."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def fetch(self):
        run("docker", "cp", f"{container('take1')}:/var/lib/stratoswarm/.", str(self.folder))
        return self.folder

    def count(self, name, kind):
        return sum(1 for line in read(self.folder / f"{name}.ledger") if line[0] == kind)

    def all_get_on(self, but=()):
        """Every client but those writes more: confirmations and receipts go on."""
        self.fetch()
        kinds = {name: "c" if name.startswith("send") else "r" for name in CLIENTS if name not in but}
        start = {name: self.count(name, kind) for name, kind in kinds.items()}

        def claim():
            self.fetch()
            return all(self.count(name, kind) >= start[name] + 20 for name, kind in kinds.items())

        eventually(claim, f"each of {sorted(kinds)} writes 20 more lines")


def broker_is_well():
    eventually(lambda: inspect("broker", "{{.State.Health.Status}}") == "healthy", "the broker is healthy")


def kill_a_taker(ledgers):
    run("docker", "kill", "-s", "KILL", container("take1"))
    ledgers.all_get_on(but=["take1"])
    run("docker", "start", container("take1"))


def pause_a_taker(ledgers):
    run("docker", "pause", container("take2"))
    ledgers.all_get_on(but=["take2"])
    run("docker", "unpause", container("take2"))


def cut_the_network(_):
    network = next(iter(json.loads(inspect("broker", "{{json .NetworkSettings.Networks}}"))))
    run("docker", "network", "disconnect", network, container("broker"))
    time.sleep(3)  # longer than a heartbeat of the clients, which is what is tried here
    run("docker", "network", "connect", "--alias", "broker", network, container("broker"))


def kill_the_broker(_):
    run("docker", "kill", "-s", "KILL", container("broker"))
    run("docker", "start", container("broker"))
    broker_is_well()


def restart_the_broker(_):
    run("docker", "restart", "-t", "30", container("broker"))
    broker_is_well()


def upgrade_the_broker(_):
    """Another image, the same volume."""
    before = inspect("broker", "{{.Config.Image}}")
    version = os.environ["STRATO_NEXT"]
    compose("up", "-d", "--no-deps", "broker", STRATO_VERSION=version)
    assert inspect("broker", "{{.Config.Image}}") != before
    broker_is_well()


def main():
    strato("channel", "add", "parcels", "--pattern", "work", "--durable")
    compose("--profile", "test", "up", "-d", "--no-recreate", *CLIENTS)
    with tempfile.TemporaryDirectory() as folder:
        ledgers = Ledgers(folder)
        ledgers.all_get_on()
        for hurt in (kill_a_taker, pause_a_taker, cut_the_network, kill_the_broker, restart_the_broker, upgrade_the_broker):
            started = time.monotonic()
            hurt(ledgers)
            ledgers.all_get_on()
            print(f"   {hurt.__name__}: all clients go on after {time.monotonic() - started:.0f} s", flush=True)
        for sender in ("send1", "send2"):
            run("docker", "stop", "-t", "30", container(sender))
        eventually(lambda: json.loads(strato("channel", "info", "parcels", "--json"))["ready"] == 0, "parcels is empty")
        for taker in ("take1", "take2"):
            run("docker", "stop", "-t", "30", container(taker))
        account = Account(ledgers.fetch())
        counts = json.loads(strato("channel", "info", "parcels", "--json"))
        account.judge(counts, is_whole=False)
        strato("health", "deep")
        twice = sum(1 for deliveries in account.received.values() if len(deliveries) > 1)
        print(f"   offered {len(account.offered)}, confirmed {len(account.confirmed)}, received {len(account.received)} "
              f"({twice} of them more than once), confirmed and lost {len(account.lost())}")
        assert len(account.lost()) == counts["dead_lettered"], "a durable channel loses nothing that it confirmed"


if __name__ == "__main__":
    main()
