#!/usr/bin/env python3
"""What dropout costs a training step: the recipe as it is and with every rate 0, in turn, round by round.

With rate 0 a plan has no dropout step at all, which is checked, so the difference is everything that dropout does. Which
of the two goes first changes from round to round. Printed is the time of a step with dropout over that without, with its
spread.

    tests/bench/dropout_cost.py --dropcl build/release/dropcl --data DIR [--rounds 7]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def seconds_of_step(options, *more):
    words = [options.dropcl, "bench", options.recipe, "--device", options.device, "--only", "train", "--json", *more]
    words += ["--data", options.data] if options.data else []
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"dropcl failed: {done.stderr}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return next(row["seconds"] for row in rows if row.get("name") == "optimizer step")


def steps_with_dropout(options, *more):
    page = subprocess.run([options.dropcl, "plan", options.recipe, *more], capture_output=True, text=True, check=True).stdout
    training = page.split("evaluation plan")[0]
    return sum("dropout" in line.split()[2] for line in training.splitlines() if " -> " in line)


def measure_pair(options, off, swap):
    """Seconds of a step with dropout, and without."""
    if swap:
        without = seconds_of_step(options, *off)
        return seconds_of_step(options), without
    return seconds_of_step(options), seconds_of_step(options, *off)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dropcl", default=os.path.join(ROOT, "build/release/dropcl"))
    parser.add_argument("--recipe", default=os.path.join(ROOT, "models/mnist-mlp.yaml"))
    parser.add_argument("--device", default="pocl")
    parser.add_argument("--data", help="folder of the dataset; without it random bytes")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    off = ("--set", "model.layers.*.dropout.rate=0")
    if not steps_with_dropout(options) or steps_with_dropout(options, *off):
        sys.exit(f"{options.recipe}: there must be dropout in the recipe, and none with its rates at 0")
    pairs = [measure_pair(options, off, i % 2) for i in range(options.rounds)]
    for name, values in (("with", [a for a, _ in pairs]), ("without", [b for _, b in pairs])):
        print(f"{name:<8} {1e6 * statistics.median(values):9.1f} us ({1e6 * min(values):.1f} to {1e6 * max(values):.1f})")
    ratios = [a / b for a, b in pairs]
    print(f"with / without: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
