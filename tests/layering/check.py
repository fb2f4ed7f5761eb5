#!/usr/bin/env python3
"""Do the arrows of the house point one way?

Two checks, each also run against a file that breaks the rule, so that a check that sees nothing is noticed:
 - every .c of core/, broker/brain/ and broker/auth/ compiles while zmq.h, czmq.h, CL/cl.h, time.h and sys/time.h are #error;
 - every #include of the project stays within what its room may know.

SPDX-License-Identifier: MIT
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

POISONED = ["zmq.h", "czmq.h", "CL/cl.h", "time.h", "sys/time.h"]

# Where a room's own headers may come from; the first row that fits a file counts.
ROOMS = [
    ("core/", ["core/", "schemas/"]),
    ("broker/brain/", ["core/", "schemas/", "broker/brain/", "broker/auth/verdict.h"]),
    ("broker/store/", ["core/", "schemas/", "broker/store/", "broker/brain/journal.h"]),
    ("broker/auth/", ["core/", "schemas/", "broker/auth/"]),
    ("bindings/c/", ["core/", "schemas/", "bindings/c/", "stratoswarm.h"]),
]

# Who may include what; everybody else may not.
OWNERS = [
    (re.compile(r"^c?zmq\.h$"), re.compile(r"^(broker|bindings/c|services|worker|cli|bench|tests|examples)/(.*/)?(net|integration|lib|peers)/")),
    (re.compile(r"^sqlite3\.h$"), re.compile(r"^(broker/store|bench|tests)/")),
    (re.compile(r"^microhttpd\.h$"), re.compile(r"^broker/http/")),
    (re.compile(r"^CL/"), re.compile(r"^worker/(device|executor)/")),
    (re.compile(r"^broker/(?!broker\.h|auth/)"), re.compile(r"^(broker|tests|bench)/")),
    (re.compile(r"^broker/auth/"), re.compile(r"^(broker|tests|bench|cli)/")),  # strato key edits the keys file
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
ROOM_NAMES = ("core", "schemas", "broker", "bindings", "services", "worker", "cli", "bench", "tests", "examples")


def verdicts(path, text):
    """What is wrong with the includes of one file; `path` is relative to the root, with '/'."""
    for _, name in INCLUDE.findall(text):
        for pattern, owner in OWNERS:
            if pattern.match(name) and not owner.match(path):
                yield "{}: only {} may include {}".format(path, owner.pattern, name)
        for room, allowed in ROOMS:
            if not path.startswith(room):
                continue
            is_ours = name.split("/")[0] in ROOM_NAMES or name == "stratoswarm.h"
            if is_ours and not name.startswith(tuple(allowed)):
                yield "{}: {} may not know {}".format(path, room, name)
            break


def sources(root):
    for room in ROOM_NAMES:
        for path in sorted((root / room).rglob("*.[ch]")):
            yield path


def poison_make(folder):
    for name in POISONED:
        header = folder / name
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text('#error "{} is not for this room: no clock, no socket, no device"\n'.format(name))


def compiles(cc, root, gen, poison, path):
    command = [cc, "-std=c11", "-D_GNU_SOURCE", '-DSTRATO_VERSION="0"', "-fsyntax-only", "-w",
               "-I", str(poison), "-I", str(root), "-I", str(gen), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def includes_failures(root):
    for path in sources(root):
        yield from verdicts(path.relative_to(root).as_posix(), path.read_text(errors="replace"))


def poison_failures(cc, root, gen, poison):
    for room in ("core", "broker/brain", "broker/auth"):
        for path in sorted((root / room).rglob("*.c")):
            good, said = compiles(cc, root, gen, poison, path)
            if not good:
                yield "{} does not compile without clock and sockets:\n{}".format(path.relative_to(root), said)


def self_test(cc, root, gen, poison, scratch):
    """Each rule must catch a file that breaks it."""
    for name in POISONED:
        bad = scratch / "bad.c"
        bad.write_text("#include <{}>\nint x;\n".format(name))
        if compiles(cc, root, gen, poison, bad)[0]:
            yield "self-test: a file with <{}> compiled".format(name)
    good = scratch / "good.c"
    good.write_text('#include <stdint.h>\n#include <stdlib.h>\n#include "core/cursor.h"\nint x;\n')
    if not compiles(cc, root, gen, poison, good)[0]:
        yield "self-test: a file that keeps the rule did not compile"
    broken = [
        ("core/a.c", '#include "broker/brain/brain.h"'), ("core/a.h", "#include <zmq.h>"),
        ("broker/brain/a.c", '#include "broker/net/edge.h"'), ("broker/brain/a.c", '#include "stratoswarm.h"'),
        ("bindings/c/a.c", '#include "broker/broker.h"'), ("broker/main.c", "#include <czmq.h>"),
        ("worker/tasks/a.c", "#include <CL/cl.h>"), ("cli/a.c", '#include "broker/brain/brain.h"'),
        ("services/a.c", "# include <zmq.h>"),
        ("broker/brain/a.c", '#include "broker/auth/keys.h"'), ("services/a.c", '#include "broker/auth/keys.h"'),
    ]
    for path, text in broken:
        if not list(verdicts(path, text)):
            yield "self-test: {} with {} passed".format(path, text)
    kept = [
        ("core/a.c", '#include "core/cursor.h"\n#include <stdlib.h>'), ("broker/net/a.c", "#include <zmq.h>"),
        ("bindings/c/net/a.c", "#include <zmq.h>"), ("worker/device/a.c", "#include <CL/cl.h>"),
        ("cli/a.c", '#include "stratoswarm.h"'), ("broker/brain/a.c", '#include "broker/brain/brain.h"'),
    ]
    for path, text in kept:
        yield from ("self-test: " + verdict for verdict in verdicts(path, text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--gen", type=pathlib.Path, required=True, help="where generated headers are")
    parser.add_argument("--cc", default="cc")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        poison = scratch / "poison"
        poison.mkdir()
        poison_make(poison)
        failures = list(self_test(args.cc, args.root, args.gen, poison, scratch))
        failures += includes_failures(args.root)
        failures += poison_failures(args.cc, args.root, args.gen, poison)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
