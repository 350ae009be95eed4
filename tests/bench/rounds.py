"""dropcl and its peers in turn, round by round: what the comparisons share.

A peer is a process of its own under its own interpreter, which stays loaded between rounds and is idle while others are
measured (serve.py is its end). A comparison says what dropcl's figure is and what a peer is asked; printed are medians
in samples per second, and dropcl over the best configuration of each peer, with its spread over the rounds."""

import argparse
import json
import os
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Worker:
    """A peer; `about` is what it says of itself, None where it cannot be run."""

    def __init__(self, python, script, *words):
        self.about = self.process = None
        try:
            self.process = subprocess.Popen([python, os.path.join(HERE, script), *words], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
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


def measure(title, rounds, dropcl, workers, **question):
    """dropcl() gives samples per second; each configuration of each worker is asked the question."""
    configurations = [
        {"worker": worker, "number": i, "rates": [], "peer": worker.about["version"],
         "name": f"{worker.about['version']}, {name}"}
        for worker in workers for i, name in enumerate(worker.about["configurations"])
    ]  # fmt: skip
    ours = []
    for _ in range(rounds):
        ours.append(dropcl())
        for one in configurations:
            if "fault" in one:
                continue
            answer = one["worker"].ask(configuration=one["number"], **question)
            if "fault" in answer:
                one["fault"] = answer["fault"]
            else:
                one["rates"].append(answer["rate"])
    report(title, ours, configurations)


def report(title, ours, configurations):
    print(f"\n{title}: samples per second, median (least to most) of {len(ours)} rounds")
    line = "  {:<52} {:>9.0f}  ({:.0f} to {:.0f})"
    print(line.format("dropcl", statistics.median(ours), min(ours), max(ours)))
    best = {}
    for one in configurations:
        if "fault" in one:
            print(f"  {one['name']:<52} skipped: {one['fault']}")
            continue
        rate = statistics.median(one["rates"])
        print(line.format(one["name"], rate, min(one["rates"]), max(one["rates"])))
        if one["peer"] not in best or rate > statistics.median(best[one["peer"]]["rates"]):
            best[one["peer"]] = one
    for one in best.values():
        ratios = [a / b for a, b in zip(ours, one["rates"])]
        print(f"  dropcl / {one['name']}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
              flush=True)  # fmt: skip


def output_of(words, **environment):
    """What a dropcl command printed; one that fails ends the comparison."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    if done.returncode:
        raise SystemExit(f"dropcl failed: {done.stderr}")
    return done.stdout


def json_lines(words, **environment):
    return [json.loads(line) for line in output_of(words, **environment).splitlines()]


def numbers(text):
    return [int(part) for part in text.split(",")]


def arguments(title, rounds):
    """The options that every comparison has."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--dropcl", default=os.path.join(ROOT, "build/release/dropcl"))
    parser.add_argument("--device", default="pocl")
    parser.add_argument("--threads", type=numbers, default=list(range(1, (os.cpu_count() or 1) + 1)),
                        help="of PyTorch")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--compile", action="store_true", help="measure torch.compile too")
    return parser
