#!/usr/bin/env python3
"""What has been added since a commit costs who does not use it: the same questions to both builds, in turn, as ratios.

usage: cost.py BUILD [--since COMMIT] [--tree DIR] [--questions A,B] [--size N] [--rounds N] [--window TIME] [--json FILE]

BUILD is a release build of this tree. The old one is built, client and broker, in a temporary worktree (or found in DIR, if one is kept
there). Each round asks old and new after another, each with its own clients; the ratio of a rate is new : old, of a latency old : new,
so that below 1 is slower; the median of the rounds' ratios, with least and most. `brain` is the brain alone (brain_turn), in ns a
message. Nothing here is a test.

SPDX-License-Identifier: MIT
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

TARGET = 0.90
QUESTIONS = ("events", "work_unacked", "work_acked", "request_1", "request_100")
SHAPES = {"work": "work put+deliver+ack", "events": "events 1 to 1", "calls": "call+deliver+reply"}


def build_old(top, commit, tree):
    build = tree / "build/release"
    if not (build / "bench/brain_turn").exists():
        if not (tree / "CMakeLists.txt").exists():
            subprocess.run(["git", "-C", top, "worktree", "add", "--detach", str(tree), commit], check=True)
        subprocess.run(["cmake", "--preset", "release"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", build, "-j2", "--quiet", "stratod", "bench_compare", "brain_turn"], check=True)
    return build


def ask(build, question, options):
    """One run of ours: (rate or p50, whether smaller is better)."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([build / "bench/bench_compare", "--question", question, "--size", str(options.size), "--system",
                        "stratoswarm", "--rounds", "1", "--window", options.window, "--json", out.name],
                       check=True, stdout=subprocess.DEVNULL)
        answer = json.load(open(out.name))["answers"][0]
    row = answer["systems"][0]
    return (row["p50_us"], True) if answer["value"] == "p50_us" else (row["per_s"], False)


def brain(build):
    text = subprocess.run([build / "bench/brain_turn", "2000"], stdout=subprocess.PIPE, text=True).stdout
    found = {}
    for name, start in SHAPES.items():
        match = re.search(re.escape(start) + r".*?([\d.]+) ns/message", text)
        if match:
            found["brain " + name] = (float(match.group(1)), True)
    return found


def measure(build, options):
    values = {question: ask(build, question, options) for question in options.questions.split(",") if question != "brain"}
    if "brain" in options.questions.split(","):
        values.update(brain(build))
    return values


def report(rounds):
    results = []
    for name in rounds[0][0]:
        pairs = [(old[name], new[name]) for old, new in rounds if name in old and name in new]
        ratios = sorted(old[0] / new[0] if new[1] else new[0] / old[0] for old, new in pairs if old[0] and new[0])
        if not ratios:
            print(f"{name:14} no figure")
            continue
        row = {"name": name, "old": statistics.median(p[0][0] for p in pairs), "new": statistics.median(p[1][0] for p in pairs),
               "ratio": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]}
        results.append(row)
        unit = ("ns" if name.startswith("brain") else "us p50") if pairs[0][0][1] else "/s"
        print(f"{name:14} old {row['old']:12.1f} {unit:6} new {row['new']:12.1f} {unit:6} ratio {row['ratio']:.2f} "
              f"[{row['least']:.2f}..{row['most']:.2f}] target >= {TARGET:.2f}: {'met' if row['ratio'] >= TARGET else 'not yet'}", flush=True)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--since", default="f489ebe", help="the commit to compare with: the state before the delivery rules")
    parser.add_argument("--tree", type=pathlib.Path, help="keep the old worktree here, and use it again")
    parser.add_argument("--questions", default=",".join(("brain",) + QUESTIONS))
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", default="500ms")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    top = pathlib.Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as temporary:
        tree = options.tree or pathlib.Path(temporary) / "old"
        try:
            old = build_old(top, options.since, tree)
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {options.rounds} rounds", flush=True)
            rounds = [(measure(old, options), measure(options.build, options)) for _ in range(options.rounds)]
        finally:
            if not options.tree:
                subprocess.run(["git", "-C", top, "worktree", "remove", "--force", str(tree)], check=False)
    results = report(rounds)
    if options.json:
        options.json.write_text(json.dumps({"since": options.since, "size": options.size, "results": results}, indent=1))


if __name__ == "__main__":
    main()
