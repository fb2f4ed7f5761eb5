"""Check credit.pml with Spin: every size of the table holds, and every planted fault is found.

usage: check.py [--long] [--cc CC] [--only WORD]

A row is searched to its end or it fails: out of memory, out of depth and out of time are failures as well.
Exit code 0 if all rows said what they should. SPDX-License-Identifier: MIT
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "credit.pml")
MEMORY_MIB = 1500
MEMORY_LONG_MIB = 6000
SECONDS_EACH = 120
SECONDS_EACH_LONG = 1200

# What must hold: claim, then sizes. `states` = assertions and deadlock, `served` = also the claim, under weak fairness.
HOLDS = [
    ("states", "C=1 M=1 LOSSES=1"),
    ("states", "C=2 M=1 LOSSES=1"),
    ("states", "C=2 M=2 LOSSES=0"),
    ("states", "C=1 M=1 LOSSES=0 TRIES=1"),
    ("states", "N=3 C=2 M=1 LOSSES=0"),
    ("served", "C=1 M=2 LOSSES=0"),
    ("served", "C=1 M=1 LOSSES=1"),
    ("served", "N=3 C=2 M=1 LOSSES=0"),
]
HOLDS_LONG = [
    ("states", "C=1 M=1 LOSSES=1 TRIES=1"),
    ("states", "C=1 M=1 LOSSES=2"),
    ("states", "C=2 M=2 LOSSES=1 GIVE_BACKS=0"),
    ("served", "C=1 M=2 LOSSES=1 GIVE_BACKS=0"),
]
# A fault of the protocol that somebody could make, where it shows, and how Spin says so.
FAULTS = [
    ("REVOKE_WITHOUT_RELEASE", "states", "C=2 M=2 LOSSES=0", "assertion violated"),
    ("CREDIT_WHILE_REVOKING", "states", "C=2 M=2 LOSSES=0", "assertion violated"),
    ("RELEASE_BEFORE_DRAIN", "states", "C=1 M=1 LOSSES=1", "assertion violated"),
    ("RESUME_WITHOUT_RESEND", "states", "C=1 M=1 LOSSES=1", "assertion violated"),
    ("FIRST_CREDIT_WITHOUT_ROOM", "states", "C=1 M=1 LOSSES=1", "assertion violated"),
    ("NEVER_REVOKE", "states", "C=1 M=1 LOSSES=0", "assertion violated"),
    ("NOT_SPARED", "served", "C=1 M=1 LOSSES=0", "acceptance cycle"),
]


def run(command, folder, seconds):
    return subprocess.run(command, cwd=folder, timeout=seconds, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def search(cc, claim, sizes, extra, is_long):
    """Build the checker for one row and run it; gives what it printed."""
    defines = [f"-D{size}" for size in sizes.split()] + extra
    if claim == "served":
        defines.append("-DPROMPT=1")
    with tempfile.TemporaryDirectory(prefix="strato-model-") as folder:
        made = run(["spin", "-a", *defines, MODEL], folder, SECONDS_EACH)
        if made.returncode != 0 or not os.path.exists(os.path.join(folder, "pan.c")):
            raise SystemExit(f"spin refused the model:\n{made.stdout}")
        memory = MEMORY_LONG_MIB if is_long else MEMORY_MIB
        options = ["-DSAFETY"] if claim == "states" else ["-DNFAIR=4"]
        built = run([cc, "-w", "-O1", "-DCOLLAPSE", f"-DMEMLIM={memory}", *options, "-o", "pan", "pan.c"], folder,
                    SECONDS_EACH)
        if built.returncode != 0:
            raise SystemExit(f"the checker does not build:\n{built.stdout}")
        how = [] if claim == "states" else ["-a", "-f"]
        try:
            return run(["./pan", "-m1000000", "-n", *how], folder,
                       SECONDS_EACH_LONG if is_long else SECONDS_EACH).stdout
        except subprocess.TimeoutExpired:
            return "out of time"


def states_of(output):
    for line in output.splitlines():
        if "states, stored" in line:
            return line.split()[0]
    return "?"


def is_whole(output):
    """The search came to its end and found nothing."""
    ends = ("Search not completed", "reached -DMEMLIM", "max search depth too small", "out of time", "out of memory")
    return "errors: 0" in output and not any(end in output for end in ends)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--long", action="store_true", help="also the large sizes: minutes and gigabytes")
    parser.add_argument("--only", default="", help="rows whose text has this word")
    options = parser.parse_args()
    failures = 0

    try:
        subprocess.run(["spin", "-V"], stdout=subprocess.DEVNULL, check=True)
    except FileNotFoundError:
        raise SystemExit("spin is not installed: it is the Debian package spin") from None
    rows = [(claim, sizes, None, None, False) for claim, sizes in HOLDS]
    rows += [(claim, sizes, fault, sign, False) for fault, claim, sizes, sign in FAULTS]
    if options.long:
        rows += [(claim, sizes, None, None, True) for claim, sizes in HOLDS_LONG]
    rows = [row for row in rows if options.only in f"{row[0]} {row[1]} {row[2] or ''}"]
    if not rows:
        raise SystemExit("no row has that word")
    for claim, sizes, fault, sign, is_long in rows:
        began = time.monotonic()
        output = search(options.cc, claim, sizes, [f"-DMUTATE_{fault}=1"] if fault else [], is_long)
        is_good = sign in output if fault else is_whole(output)
        print(f"{'ok  ' if is_good else 'FAIL'} {claim:6} {sizes:32} {fault or 'holds':26} "
              f"{states_of(output):>9} states {time.monotonic() - began:5.1f} s", flush=True)
        if not is_good:
            print(output)
            failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
