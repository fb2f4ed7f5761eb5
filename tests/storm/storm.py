"""Clients come, use a little of everything, and go, some without a word: nothing may stay behind in the broker.

usage: storm.py BUILD_DIR [--rounds N] [--valgrind]     with --valgrind both ends run under it and may not leak

SPDX-License-Identifier: MIT
"""

import argparse
import pathlib
import subprocess
import sys

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from processes import Bus

HELLO = b"\x82\xa2op\xa5hello\xa5agent\xa5ghost"
VALGRIND = ("valgrind", "--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect", "--error-exitcode=9")


def raw_vanish(endpoint, count):
    """Sockets that say half a hello, garbage, or nothing, and are gone."""
    context = zmq.Context()
    for i in range(count):
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(endpoint)
        socket.send(HELLO if i % 3 == 0 else HELLO[: i % len(HELLO)])
        socket.close()
    context.term()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--valgrind", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="print the broker's log")
    args = parser.parse_args()
    wrapper = VALGRIND if args.valgrind else ()
    client = args.build / "tests/storm/storm_client"

    with Bus(args.build, "--services", "", wrapper=wrapper) as bus:
        bus.strato("channel", "add", "storm", "--pattern", "work", "--capacity", "64", "--server", f"ipc://{bus.folder}/strato.native.sock")
        subprocess.run([*wrapper, client, bus.endpoint, str(args.rounds)], check=True, timeout=600)
        vanishing = [subprocess.Popen([client, bus.endpoint, "1", "--vanish"]) for _ in range(args.rounds)]
        raw_vanish(bus.endpoint, 5 * args.rounds)
        for process in vanishing:
            assert process.wait(300) == 0, "a vanishing client failed before it vanished"
        # Whoever comes next is served although the others hold credit and leases that time has not yet given back.
        subprocess.run([client, bus.endpoint, "1"], check=True, timeout=600)
        bus.assert_laws()
        status = bus.broker.stop()
        log = "\n".join(bus.broker.lines)
        assert status in (0, 3), f"stratod left with {status}:\n{log}"
        if args.verbose:
            print(log)
    print(f"storm: {args.rounds} rounds, {args.rounds} vanished, {5 * args.rounds} raw sockets; stratod left with {status}")


if __name__ == "__main__":
    main()
