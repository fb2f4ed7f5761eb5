#!/usr/bin/env python3
"""What keys cost: the rate of acked work beside plain TCP, handshakes a second, idle clients' memory.

usage: keys.py BUILD [--rounds N] [--seconds S] [--idle N] [--json FILE]     BUILD: a release build with stratod and strato

Rates are taken by `strato bench work` in rounds, plain and keyed in turn on fresh brokers; the ratio is the median of the rounds'
ratios. Handshakes are made by libzmq clients in this process, so the rate is that of both ends on this machine. Nothing here is a test.

SPDX-License-Identifier: MIT
"""

import argparse
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import tempfile
import time

import msgpack
import zmq

TARGETS = {"acked_64_ratio": 0.35, "handshakes_per_s": 500, "idle_rss_mb": 120}


class Broker:
    def __init__(self, build, folder, *arguments):
        command = [str(build / "broker/stratod"), "--config", "/dev/null", "--port", "0", "--services", "", "--pub-sub=no",
                   "--events-push=no", "--push-pull", "", *map(str, arguments)]
        self.log = open(folder / "log", "w+b")
        self.child = subprocess.Popen(command, stderr=self.log, cwd=folder)
        while not (found := re.search(rb"ready endpoint=(\S+)", (folder / "log").read_bytes())):
            if self.child.poll() is not None:
                raise SystemExit((folder / "log").read_text())
            time.sleep(0.01)
        self.endpoint = found[1].decode()

    def rss_mb(self):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.child.kill()
        self.child.wait()
        self.log.close()


class Pair:
    def __init__(self, folder, name):
        self.public, self.secret = zmq.curve_keypair()
        self.path = folder / f"{name}.key"
        with open(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(b"public: '%s'\nsecret: '%s'\n" % (self.public, self.secret))


class House:
    def __init__(self, folder):
        self.folder = folder
        self.server, self.client = Pair(folder, "stratod"), Pair(folder, "client")
        (folder / "keys.yaml").write_text(
            f"keys: {{client: {{key: '{self.client.public.decode()}', roles: [admin], connections: 65536}}}}\n")
        self.broker = ["--keys", folder / "keys.yaml", "--server-key", self.server.path]
        self.tool = ["--key", self.client.path, "--server-key", self.server.path]

    def dealer(self, context, endpoint):
        made = context.socket(zmq.DEALER)
        made.linger = 0
        made.rcvtimeo = 60000
        made.curve_serverkey = self.server.public
        made.curve_publickey, made.curve_secretkey = self.client.public, self.client.secret
        made.connect(endpoint)
        return made


def rate(build, house, keyed, size, seconds, acked):
    with Broker(build, house.folder, *(house.broker if keyed else [])) as broker:
        command = [build / "cli/strato", "bench", "work", "--size", size, "--duration", f"{seconds}s", "--json", "--server",
                   broker.endpoint, "--channel", "evolution", *(["--acked"] if acked else []), *(house.tool if keyed else [])]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return json.loads(done.stdout)["per_s"]


def rates(build, house, size, rounds, seconds, acked):
    pairs = [(rate(build, house, False, size, seconds, acked), rate(build, house, True, size, seconds, acked))
             for _ in range(rounds)]
    ratios = sorted(keyed / plain for plain, keyed in pairs)
    return {"plain_per_s": statistics.median(p for p, _ in pairs), "keyed_per_s": statistics.median(k for _, k in pairs),
            "ratio": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]}


def handshakes(build, house, count, at_once=64):
    """Connect, ask once, be answered, close."""
    ping = msgpack.packb({"op": "ping"})
    with Broker(build, house.folder, *house.broker) as broker:
        context = zmq.Context()
        before, start = broker.cpu_s(), time.monotonic()
        for _ in range(count // at_once):
            sockets = [house.dealer(context, broker.endpoint) for _ in range(at_once)]
            for made in sockets:
                made.send(ping)
            for made in sockets:
                made.recv()
                made.close()
        took, cpu = time.monotonic() - start, broker.cpu_s() - before
        context.destroy(linger=0)
    count = count // at_once * at_once
    return {"count": count, "per_s": count / took, "broker_cpu_us": cpu / count * 1e6}


def idle(build, house, count):
    hello = msgpack.packb({"op": "hello", "hb_ms": 60000})
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with Broker(build, house.folder, *house.broker, "--connections", max(4096, count + 64)) as broker:
        empty = broker.rss_mb()
        context = zmq.Context()
        context.set(zmq.MAX_SOCKETS, count + 16)
        sockets = []
        start = time.monotonic()
        for _ in range(count):
            sockets.append(house.dealer(context, broker.endpoint))
            sockets[-1].send(hello)
        for made in sockets:
            made.recv()
        took, full = time.monotonic() - start, broker.rss_mb()
        context.destroy(linger=0)
    return {"count": count, "empty_mb": empty, "rss_mb": full, "kb_each": (full - empty) * 1024 / count, "seconds": took}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--handshakes", type=int, default=2048)
    parser.add_argument("--idle", type=int, default=4000)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    options.build = options.build.resolve()
    answers = {}
    with tempfile.TemporaryDirectory() as name:
        house = House(pathlib.Path(name))
        for size, acked in ((64, True), (64, False), (4096, True)):
            found = rates(options.build, house, size, options.rounds, options.seconds, acked)
            answers[f"work_{'acked' if acked else 'unacked'}_{size}"] = found
            print(f"work {'acked' if acked else 'unacked'} {size} B: plain {found['plain_per_s']:,.0f}/s, keyed "
                  f"{found['keyed_per_s']:,.0f}/s, ratio {found['ratio']:.2f} ({found['least']:.2f}..{found['most']:.2f})")
        found = answers["handshakes"] = handshakes(options.build, house, options.handshakes)
        print(f"handshakes: {found['per_s']:,.0f}/s, {found['broker_cpu_us']:.0f} us of the broker's CPU each")
        found = answers["idle"] = idle(options.build, house, options.idle)
        print(f"{found['count']} idle clients: {found['rss_mb']:.1f} MB (empty {found['empty_mb']:.1f}), {found['kb_each']:.1f} KiB "
              f"each, all there after {found['seconds']:.1f} s")
    met = {"acked_64_ratio": answers["work_acked_64"]["ratio"] >= TARGETS["acked_64_ratio"],
           "handshakes_per_s": answers["handshakes"]["per_s"] >= TARGETS["handshakes_per_s"],
           "idle_rss_mb": answers["idle"]["rss_mb"] <= TARGETS["idle_rss_mb"]}
    print("targets:", ", ".join(f"{name} {TARGETS[name]} {'met' if is_met else 'MISSED'}" for name, is_met in met.items()))
    if options.json:
        options.json.write_text(json.dumps({"answers": answers, "targets": TARGETS, "met": met}, indent=1) + "\n")


if __name__ == "__main__":
    main()
