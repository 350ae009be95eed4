#!/usr/bin/env python3
"""dropcl against PyTorch: the same network, optimizer, batch and data, in turn, round by round.

For each batch size a round is one epoch of dropcl, then one epoch of PyTorch in each of its configurations (every
interpreter that has it, every thread count, eager, and compiled where that works). Printed are the medians in samples
per second, and dropcl over PyTorch's best configuration of the whole series, with its spread over the rounds.

PyTorch gets its best chance: all rows in memory as normalised float32, shuffled by an index once per epoch, no data
loader, cross-entropy from the logits, SGD with momentum (fused where this version has it), nothing read back inside
the epoch, and a warm-up that is not counted. dropcl's figure is what `dropcl train` reports of its second epoch, with
the shuffling and without the evaluation.

    tests/bench/mlp_vs_torch.py --dropcl build/release/dropcl --data DIR [--python PYTHON]... [--batch 128,32,1024]
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What the recipe says, for PyTorch. main() checks that the recipe still says so.
LAYERS, RATE, LEARNING_RATE, MOMENTUM = (784, 256, 128, 10), 0.5, 0.05, 0.9


# ---- the peer: runs under any interpreter that has torch --------------------------------------------------------


def read_idx(folder, name):
    """The bytes behind the header of an IDX file, plain or .gz."""
    path = os.path.join(folder, name)
    opener = open if os.path.exists(path) else gzip.open
    with opener(path if opener is open else path + ".gz", "rb") as file:
        content = file.read()
    return content[4 + 4 * content[3] :]


def load(torch, folder, rows):
    if folder:
        images = bytearray(read_idx(folder, "train-images-idx3-ubyte"))
        labels = bytearray(read_idx(folder, "train-labels-idx1-ubyte"))
        x = torch.frombuffer(images, dtype=torch.uint8).reshape(-1, LAYERS[0]).float()
        y = torch.frombuffer(labels, dtype=torch.uint8).long()
    else:
        x = torch.randint(0, 256, (60000, LAYERS[0])).float()
        y = torch.arange(60000) % LAYERS[-1]
    x = (x - x.mean()) / x.std()
    return x[: rows or len(x)].contiguous(), y[: rows or len(y)].contiguous()


class Peer:
    def __init__(self, torch, folder, rows):
        self.torch = torch
        self.x, self.y = load(torch, folder, rows)
        self.kept = {}

    def build(self, compiled):
        nn = self.torch.nn
        torch = self.torch
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Linear(LAYERS[0], LAYERS[1]), nn.ReLU(), nn.Dropout(RATE),
            nn.Linear(LAYERS[1], LAYERS[2]), nn.ReLU(), nn.Dropout(RATE),
            nn.Linear(LAYERS[2], LAYERS[3]),
        )  # fmt: skip
        try:
            optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, MOMENTUM, fused=True)
        except (TypeError, RuntimeError):
            optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, MOMENTUM)
        loss = self.forward(model)
        return (torch.compile(loss) if compiled else loss), optimizer

    def forward(self, model):
        cross_entropy = self.torch.nn.functional.cross_entropy
        return lambda x, y: cross_entropy(model(x), y)

    def steps(self, parts, batch, count):
        loss, optimizer = parts
        order = self.torch.randperm(len(self.x))
        for i in range(count):
            pick = order[i * batch : (i + 1) * batch]
            optimizer.zero_grad(set_to_none=True)
            loss(self.x[pick], self.y[pick]).backward()
            optimizer.step()

    def epoch(self, batch, threads, compiled):
        """Samples per second of one epoch."""
        import time

        self.torch.set_num_threads(threads)
        key = (batch, threads, compiled)
        count = len(self.x) // batch
        if key not in self.kept:
            self.kept[key] = self.build(compiled)
        self.steps(self.kept[key], batch, min(count, 20))
        begin = time.perf_counter()
        self.steps(self.kept[key], batch, count)
        return count * batch / (time.perf_counter() - begin)


def serve(folder, rows):
    """Answers each line {"batch", "threads", "compiled"} with {"rate"} or {"fault"}."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever compilers print
    import torch

    peer = Peer(torch, folder, rows)
    print(json.dumps({"version": torch.__version__, "compile": hasattr(torch, "compile")}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = {"rate": peer.epoch(**json.loads(line))}
        except Exception as fault:  # torch.compile may fail in any way it likes
            answer = {"fault": f"{type(fault).__name__}: {str(fault).strip().splitlines()[0][:200]}"}
        print(json.dumps(answer), file=answers, flush=True)


# ---- this side ---------------------------------------------------------------------------------------------------


class Worker:
    """A PyTorch that stays loaded between rounds; idle while others are measured."""

    def __init__(self, python, folder, rows):
        words = [python, os.path.abspath(__file__), "--serve", "--rows", str(rows)] + (["--data", folder] if folder else [])
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        hello = self.process.stdout.readline()
        self.about = json.loads(hello) if hello else None

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"fault": "it ended"}

    def close(self):
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
    """The peer's network is written above; a recipe that says something else would be another task."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    wanted = ["input: [28, 28, 1]", "units: 256, activation: relu", "units: 128, activation: relu", "units: 10}",
              "dropout: {rate: 0.5}", "sgd: {lr: 0.05, momentum: 0.9}", "loss: cross_entropy"]  # fmt: skip
    for part in wanted:
        if part not in text:
            sys.exit(f"{path} has no '{part}': the peer would train another network")


def measure_batch(options, batch, workers):
    configurations = [
        {"worker": worker, "question": {"batch": batch, "threads": threads, "compiled": compiled}, "rates": [],
         "name": f"torch {worker.about['version']}, {threads} threads{', compiled' if compiled else ''}"}
        for worker in workers for threads in options.threads
        for compiled in ((False, True) if worker.about["compile"] and options.compile else (False,))
    ]  # fmt: skip
    ours = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            ours.append(run_dropcl(options, batch, os.path.join(folder, "run")))
            for one in configurations:
                answer = {"fault": one["fault"]} if "fault" in one else one["worker"].ask(**one["question"])
                if "fault" in answer:
                    one["fault"] = answer["fault"]
                else:
                    one["rates"].append(answer["rate"])
    report(batch, ours, configurations)


def report(batch, ours, configurations):
    print(f"\nbatch {batch}: samples per second, median (least to most) of {len(ours)} rounds")
    line = "  {:<44} {:>9.0f}  ({:.0f} to {:.0f})"
    print(line.format("dropcl", statistics.median(ours), min(ours), max(ours)))
    for one in configurations:
        if "fault" in one:
            print(f"  {one['name']:<44} skipped: {one['fault']}")
        else:
            print(line.format(one["name"], statistics.median(one["rates"]), min(one["rates"]), max(one["rates"])))
    fine = [one for one in configurations if "fault" not in one]
    if not fine:
        return
    best = max(fine, key=lambda one: statistics.median(one["rates"]))
    ratios = [a / b for a, b in zip(ours, best["rates"])]
    print(f"  dropcl / {best['name']}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
          flush=True)  # fmt: skip


def numbers(text):
    return [int(part) for part in text.split(",")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dropcl", default=os.path.join(ROOT, "build/release/dropcl"))
    parser.add_argument("--recipe", default=os.path.join(ROOT, "models/mnist-mlp.yaml"))
    parser.add_argument("--device", default="pocl")
    parser.add_argument("--data", help="folder of MNIST's files; without it dropcl draws digits, torch gets noise")
    parser.add_argument("--python", action="append", help="interpreters to look for torch in")
    parser.add_argument("--threads", type=numbers, default=list(range(1, (os.cpu_count() or 1) + 1)))
    parser.add_argument("--batch", type=numbers, default=[128, 32, 1024])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=0, help="training rows, 0: all")
    parser.add_argument("--compile", action="store_true", help="measure torch.compile too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    if options.serve:
        return serve(options.data, options.rows)
    check_recipe(options.recipe)
    if options.data and not os.path.isdir(options.data):
        sys.exit(f"{options.data} is no folder")
    if options.data and os.path.isdir(os.path.join(options.data, "mnist")):
        options.data = os.path.join(options.data, "mnist")
    workers = []
    for python in options.python or ["/usr/bin/python3"]:
        worker = Worker(python, options.data, options.rows)
        if worker.about:
            workers.append(worker)
        else:
            print(f"skipped: {python} has no torch")
    if workers:
        for batch in options.batch:
            measure_batch(options, batch, workers)
    for worker in workers:
        worker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
