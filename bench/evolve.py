#!/usr/bin/env python3
"""How fast populations evolve: ours through a broker and a worker, beside pagmo2, DEAP and numpy, in turn, as ratios.

usage: evolve.py BUILD [--questions A,B] [--rounds N] [--json FILE]

BUILD is a release build. Each round asks every system one after another for generations a second on Rastrigin; the ratio is ours to the peer's within
a round, then the median with least and most. Ours is whole: `strato evolve`, a fresh broker, one worker on the first OpenCL device, the populations
that travel, the statistics. pagmo2 (libpagmo-dev, built here with g++ -O2), DEAP (python3-deap) and numpy are asked where they are. Nothing here is a test.

SPDX-License-Identifier: MIT
"""

import argparse
import importlib.util
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/lib"))

from processes import Bus  # noqa: E402

# algorithm, population, genes, generations of ours, of pagmo, of numpy, of DEAP (0 = not asked: it would take minutes)
QUESTIONS = {
    "ga_1024": ("ga", 1024, 100, 2000, 300, 60, 10),
    "ga_16384": ("ga", 16384, 100, 300, 12, 6, 0),
    "de_1024": ("de", 1024, 100, 100, 100, 0, 0),
    "cma_1024": ("cma-es", 1024, 100, 40, 10, 0, 0),
}


def ours(bus, algo, population, dim, generations):
    out = bus.strato("evolve", "--problem", "rastrigin", "--dim", dim, "--population", population, "--generations",
                     generations, "--algo", algo, "--every", generations, "--json", timeout=600)
    told = json.loads(out.stdout)
    return told["generations"] / told["seconds"], told["best_fitness"]


def pagmo(program, algo, population, dim, generations):
    out = subprocess.run([program, algo, str(population), str(dim), str(generations)], check=True, capture_output=True,
                         text=True).stdout.split()
    return generations / float(out[0]), -float(out[2])


def with_numpy(population, dim, generations):
    import numpy as np

    draw = np.random.default_rng(1)
    genes = draw.uniform(-5.12, 5.12, (population, dim)).astype(np.float32)

    def judge(rows):
        return -(10 * dim + (rows * rows - 10 * np.cos(2 * np.pi * rows)).sum(axis=1))

    fitness = judge(genes)
    start = time.monotonic()
    for _ in range(generations):
        groups = draw.integers(0, population, (2, population, 3))
        first, second = (np.take_along_axis(g, fitness[g].argmax(axis=1)[:, None], 1)[:, 0] for g in groups)
        cut = np.where(draw.random(population) < 0.8, draw.integers(1, dim, population), dim)
        children = np.where(np.arange(dim) < cut[:, None], genes[first], genes[second])
        mask = draw.random((population, dim), dtype=np.float32) < 0.01
        children[mask] += draw.normal(0, 0.1, int(mask.sum())).astype(np.float32)
        elites = np.argpartition(-fitness, 5)[:5]
        children[:5] = genes[elites]
        genes, fitness = children, judge(children)
    return generations / (time.monotonic() - start), float(fitness.max())


def with_deap(population, dim, generations):
    import math
    import random

    from deap import algorithms, base, creator, tools

    random.seed(1)
    if not hasattr(creator, "Best"):
        creator.create("Best", base.Fitness, weights=(1.0,))
        creator.create("Row", list, fitness=creator.Best)
    box = base.Toolbox()
    box.register("gene", random.uniform, -5.12, 5.12)
    box.register("row", tools.initRepeat, creator.Row, box.gene, dim)
    box.register("rows", tools.initRepeat, list, box.row)
    box.register("evaluate", lambda row: (-sum(x * x - 10 * math.cos(2 * math.pi * x) + 10 for x in row),))
    box.register("mate", tools.cxOnePoint)
    box.register("mutate", tools.mutGaussian, mu=0, sigma=0.1, indpb=0.01)
    box.register("select", tools.selTournament, tournsize=3)
    rows = box.rows(n=population)
    start = time.monotonic()
    rows, _ = algorithms.eaSimple(rows, box, cxpb=0.8, mutpb=1.0, ngen=generations, verbose=False)
    return generations / (time.monotonic() - start), max(row.fitness.values[0] for row in rows)


def build_pagmo(folder):
    program = pathlib.Path(folder) / "pagmo_evolve"
    if not pathlib.Path("/usr/include/pagmo").exists() or not shutil.which("g++"):
        return None
    subprocess.run(["g++", "-std=c++17", "-O2", "-isystem", "/usr/include/eigen3", str(TOP / "bench/peers/pagmo_evolve.cpp"), "-o", str(program), "-lpagmo",
                    "-ltbb", "-lboost_serialization", "-lpthread"], check=True)
    return str(program)


def ask(question, bus, program):
    """Generations a second and the best, by system."""
    algo, population, dim, own, of_pagmo, of_numpy, of_deap = QUESTIONS[question]
    told = {"stratoswarm": ours(bus, algo, population, dim, own)}
    if program and of_pagmo:
        told["pagmo2"] = pagmo(program, algo, population, dim, of_pagmo)
    if of_numpy and importlib.util.find_spec("numpy"):
        told["numpy"] = with_numpy(population, dim, of_numpy)
    if of_deap and importlib.util.find_spec("deap"):
        told["deap"] = with_deap(population, dim, of_deap)
    return told


def show(question, rounds):
    rows = []
    for system in rounds[0]:
        rates = [r[system][0] for r in rounds]
        ratios = [r["stratoswarm"][0] / r[system][0] for r in rounds]
        row = {"question": question, "system": system, "generations_per_s": round(statistics.median(rates), 2),
               "ours_to_it": round(statistics.median(ratios), 2), "least": round(min(ratios), 2),
               "most": round(max(ratios), 2), "best": rounds[-1][system][1]}
        rows.append(row)
        print(f"{question:10} {system:12} {row['generations_per_s']:10.1f} generations/s   ours is "
              f"{row['ours_to_it']:7.1f} times as fast ({row['least']:.1f} to {row['most']:.1f})   best {row['best']:.6g}")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--questions", default=",".join(QUESTIONS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, Bus(options.build) as bus:
        program = build_pagmo(folder)
        worker = bus.start(options.build / "worker/strato-worker", "--broker", bus.endpoint, "--device", "0")
        worker.wait_line("taking work channel=fitness", 120)
        for question in options.questions.split(","):
            ours(bus, *QUESTIONS[question][:3], 10)  # kernels are made ready, pages are touched
            rows += show(question, [ask(question, bus, program) for _ in range(options.rounds)])
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
