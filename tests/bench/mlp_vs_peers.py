#!/usr/bin/env python3
"""dropcl against PyTorch, JAX and tinygrad: the same network, optimizer, batch and data, in turn, round by round.

For each batch size a round is one epoch of dropcl, then one epoch of each peer in each of its configurations
(mlp_peers.py has them, and says what is done to give a peer its best chance; rounds.py what is printed). dropcl's figure is what
`dropcl train` reports of its second epoch, with the shuffling and without the evaluation. A peer that is not there is
skipped, with a line that says so.

    tests/bench/mlp_vs_peers.py --dropcl build/release/dropcl --data DIR
        [--peer torch=/usr/bin/python3] [--peer jax=PYTHON] [--peer tinygrad=PYTHON] [--batch 128,32,1024]
"""

import argparse
import os
import sys
import tempfile

from mlp_peers import LAYERS, LEARNING_RATE, MOMENTUM, PEERS, RATE
from rounds import ROOT, Worker, arguments, json_lines, measure, numbers


def run_dropcl(options, batch, folder):
    """Samples per second of the second epoch."""
    words = [options.dropcl, "train", options.recipe, "--device", options.device, "--epochs", "2", "--json",
             "--set", f"train.batch={batch}", "--set", f"train.limit={options.rows}", "--out", folder, "--force"]  # fmt: skip
    words += ["--data", options.data] if options.data else ["--set", "train.dataset=synthetic"]
    return [line for line in json_lines(words) if line["event"] == "epoch"][-1]["samples_per_second"]


def start_peer(name, python, options):
    words = [name, "--rows", str(options.rows), "--threads", ",".join(map(str, options.threads))]
    words += ["--compile"] if options.compile else []
    words += ["--data", options.data] if options.data else []
    return Worker(python, "mlp_peers.py", *words)


def check_recipe(path):
    """The peers' network is written down beside them; a recipe that says something else would be another task."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    wanted = ["input: [28, 28, 1]", "loss: cross_entropy", f"dropout: {{rate: {RATE}}}", f"units: {LAYERS[-1]}}}",
              f"sgd: {{lr: {LEARNING_RATE}, momentum: {MOMENTUM}}}"]  # fmt: skip
    wanted += [f"units: {units}, activation: relu" for units in LAYERS[1:-1]]
    for part in wanted:
        if part not in text:
            sys.exit(f"{path} has no '{part}': the peers would train another network")


def measure_batch(options, batch, workers):
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        measure(f"batch {batch}", options.rounds, lambda: run_dropcl(options, batch, run), workers, batch=batch)


def a_peer(text):
    name, _, python = text.partition("=")
    if name not in PEERS:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(sorted(PEERS))}")
    return name, python or "/usr/bin/python3"


def read_arguments():
    parser = arguments(__doc__.split("\n")[0], rounds=5)
    parser.add_argument("--recipe", default=os.path.join(ROOT, "models/mnist-mlp.yaml"))
    parser.add_argument("--data", help="folder of MNIST's files; without it dropcl draws digits, the peers get noise")
    parser.add_argument("--peer", type=a_peer, action="append", metavar="NAME=PYTHON",
                        help="torch, jax or tinygrad and the interpreter that has it; default: Debian's torch")  # fmt: skip
    parser.add_argument("--batch", type=numbers, default=[128, 32, 1024])
    parser.add_argument("--rows", type=int, default=0, help="training rows, 0: all")
    return parser.parse_args()


def main():
    options = read_arguments()
    check_recipe(options.recipe)
    if options.data and not os.path.isdir(options.data):
        sys.exit(f"{options.data} is no folder")
    if options.data and os.path.isdir(os.path.join(options.data, "mnist")):
        options.data = os.path.join(options.data, "mnist")
    workers = []
    for name, python in options.peer or [("torch", "/usr/bin/python3")]:
        worker = start_peer(name, python, options)
        if worker.about:
            workers.append(worker)
        else:
            print(f"skipped: {python} has no {name}, or no NumPy")
            worker.close()
    if workers:
        for batch in options.batch:
            measure_batch(options, batch, workers)
    for worker in workers:
        worker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
