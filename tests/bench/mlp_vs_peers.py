#!/usr/bin/env python3
"""dropcl against PyTorch, JAX and tinygrad: the same network, optimizer, batch and data, in turn, round by round.

For each batch size a round is one epoch of dropcl, then one epoch of each peer in each of its configurations
(mlp_peers.py has them, and says what is done to give a peer its best chance). Printed are the medians in samples per
second, and dropcl over the best configuration of each peer, with its spread over the rounds. dropcl's figure is what
`dropcl train` reports of its second epoch, with the shuffling and without the evaluation. A peer that is not there is
skipped, with a line that says so.

    tests/bench/mlp_vs_peers.py --dropcl build/release/dropcl --data DIR
        [--peer torch=/usr/bin/python3] [--peer jax=PYTHON] [--peer tinygrad=PYTHON] [--batch 128,32,1024]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

from mlp_peers import LAYERS, LEARNING_RATE, MOMENTUM, PEERS, RATE

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Worker:
    """A peer that stays loaded between rounds; idle while others are measured."""

    def __init__(self, name, python, options):
        words = [python, os.path.join(HERE, "mlp_peers.py"), name, "--rows", str(options.rows)]
        words += ["--threads", ",".join(map(str, options.threads))] + (["--compile"] if options.compile else [])
        words += ["--data", options.data] if options.data else []
        self.about = self.process = None
        try:
            self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        except OSError:
            return
        hello = self.process.stdout.readline()
        self.about = json.loads(hello) if hello else None

    def ask(self, **question):
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"fault": "it ended"}
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"fault": "it ended"}

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()


def run_dropcl(options, batch, folder):
    """Samples per second of the second epoch."""
    words = [options.dropcl, "train", options.recipe, "--device", options.device, "--epochs", "2", "--json",
             "--set", f"train.batch={batch}", "--set", f"train.limit={options.rows}", "--out", folder, "--force"]  # fmt: skip
    words += ["--data", options.data] if options.data else ["--set", "train.dataset=synthetic"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"dropcl failed: {done.stderr}")
    epochs = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in epochs if line["event"] == "epoch"][-1]["samples_per_second"]


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
    configurations = [
        {"worker": worker, "number": i, "rates": [], "peer": worker.about["version"],
         "name": f"{worker.about['version']}, {name}"}
        for worker in workers for i, name in enumerate(worker.about["configurations"])
    ]  # fmt: skip
    ours = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            ours.append(run_dropcl(options, batch, os.path.join(folder, "run")))
            for one in configurations:
                if "fault" in one:
                    continue
                answer = one["worker"].ask(configuration=one["number"], batch=batch)
                if "fault" in answer:
                    one["fault"] = answer["fault"]
                else:
                    one["rates"].append(answer["rate"])
    report(batch, ours, configurations)


def report(batch, ours, configurations):
    print(f"\nbatch {batch}: samples per second, median (least to most) of {len(ours)} rounds")
    line = "  {:<44} {:>9.0f}  ({:.0f} to {:.0f})"
    print(line.format("dropcl", statistics.median(ours), min(ours), max(ours)))
    best = {}
    for one in configurations:
        if "fault" in one:
            print(f"  {one['name']:<44} skipped: {one['fault']}")
            continue
        rate = statistics.median(one["rates"])
        print(line.format(one["name"], rate, min(one["rates"]), max(one["rates"])))
        if one["peer"] not in best or rate > statistics.median(best[one["peer"]]["rates"]):
            best[one["peer"]] = one
    for one in best.values():
        ratios = [a / b for a, b in zip(ours, one["rates"])]
        print(f"  dropcl / {one['name']}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
              flush=True)  # fmt: skip


def numbers(text):
    return [int(part) for part in text.split(",")]


def a_peer(text):
    name, _, python = text.partition("=")
    if name not in PEERS:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(sorted(PEERS))}")
    return name, python or "/usr/bin/python3"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dropcl", default=os.path.join(ROOT, "build/release/dropcl"))
    parser.add_argument("--recipe", default=os.path.join(ROOT, "models/mnist-mlp.yaml"))
    parser.add_argument("--device", default="pocl")
    parser.add_argument("--data", help="folder of MNIST's files; without it dropcl draws digits, the peers get noise")
    parser.add_argument("--peer", type=a_peer, action="append", metavar="NAME=PYTHON",
                        help="torch, jax or tinygrad and the interpreter that has it; default: Debian's torch")  # fmt: skip
    parser.add_argument("--threads", type=numbers, default=list(range(1, (os.cpu_count() or 1) + 1)),
                        help="of PyTorch")  # fmt: skip
    parser.add_argument("--batch", type=numbers, default=[128, 32, 1024])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=0, help="training rows, 0: all")
    parser.add_argument("--compile", action="store_true", help="measure torch.compile too")
    return parser.parse_args()


def main():
    options = arguments()
    check_recipe(options.recipe)
    if options.data and not os.path.isdir(options.data):
        sys.exit(f"{options.data} is no folder")
    if options.data and os.path.isdir(os.path.join(options.data, "mnist")):
        options.data = os.path.join(options.data, "mnist")
    workers = []
    for name, python in options.peer or [("torch", "/usr/bin/python3")]:
        worker = Worker(name, python, options)
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
