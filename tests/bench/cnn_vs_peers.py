#!/usr/bin/env python3
"""dropcl against PyTorch on the convolutional recipes: the same layers, optimizer, batch and data, in turn, round by round.

PyTorch's network is made from the recipe itself, and must have as many parameters as dropcl's. dropcl's figure is that
of `dropcl bench RECIPE --only train`: the median of three windows of rows / batch optimizer steps, augmentation and all.
A peer's is the same of each of its configurations; cnn_peers.py says what is done to give it its best chance, and what
it is spared. rounds.py says what is printed. Needs PyYAML (Debian: python3-yaml) under this interpreter and PyTorch with
NumPy under the peer's; a peer that is not there is skipped, with a line that says so.

    tests/bench/cnn_vs_peers.py models/cifar10-cnn.yaml [--data DIR] [--peer PYTHON]... [--batch 128] [--rows 1024]

A round of the larger networks takes minutes: --batch 32 --rows 32 makes windows of one small step. Where others use
the machine too, --processor-time compares one thread with one thread by what they computed, not by when they were done.
"""

import glob
import json
import os
import re
import sys
import tempfile

from cnn_peers import LIGHTER
from rounds import ROOT, Worker, arguments, json_lines, measure, numbers, output_of


def read_recipe(path):
    try:
        import yaml
    except ImportError:
        sys.exit("PyYAML is needed to read recipes (Debian: python3-yaml)")
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def convolutional():
    for path in sorted(glob.glob(os.path.join(ROOT, "models/*.yaml"))):
        with open(path, encoding="utf-8") as file:
            if "- conv:" in file.read():
                yield path


def parameters_of(options, path):
    page = output_of([options.dropcl, "plan", path])
    return int(re.search(r"^parameters: (\d+)", page, flags=re.MULTILINE)[1])


def run_dropcl(options, path, batch):
    words = [options.dropcl, "bench", path, "--device", options.device, "--only", "train", "--json",
             "--steps", str(max(options.rows // batch, 1)), "--set", f"train.batch={batch}"]  # fmt: skip
    words += ["--data", options.data] if options.data else []
    alone = {"POCL_MAX_PTHREAD_COUNT": "1"} if options.processor_time else {}
    row = next(row for row in json_lines(words, **alone) if row.get("name") == "optimizer step")
    return batch / row["processor_seconds"] if options.processor_time else row["samples_per_second"]


def find_data(folder, dataset):
    """Where the peers find the files: DIR/NAME or DIR."""
    inside = os.path.join(folder, dataset) if folder else None
    return inside if inside and os.path.isdir(inside) else folder


def start_peer(python, options, recipe, text, batch):
    words = [text, "--batch", str(batch), "--rows", str(max(options.rows, batch))]
    words += ["--threads", "1" if options.processor_time else ",".join(map(str, options.threads))]
    words += ["--compile"] if options.compile else []
    words += ["--processor-time"] if options.processor_time else []
    words += ["--data", find_data(options.data, recipe["train"]["dataset"])] if options.data else []
    return Worker(python, "cnn_peers.py", *words)


def usable(worker, python, wanted):
    """A peer that is there and trains the same network."""
    about = worker.about
    if not about:
        print(f"skipped: {python} has no PyTorch, or no NumPy")
    elif about["fault"]:
        print(f"skipped: {about['version']}: {about['fault']}")
    elif about["parameters"] != wanted:
        print(f"skipped: {about['version']} made {about['parameters']} parameters of this recipe, dropcl {wanted}")
    else:
        return True
    worker.close()
    return False


def measure_recipe(options, path, batch):
    wanted = parameters_of(options, path)  # and a recipe with faults ends here
    recipe = read_recipe(path)
    said = json.dumps(recipe)
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "recipe.json")
        with open(text, "w", encoding="utf-8") as file:
            file.write(said)
        workers = [(python, start_peer(python, options, recipe, text, batch)) for python in options.peer]
        workers = [worker for python, worker in workers if usable(worker, python, wanted)]
        if workers:
            title = f"{recipe['model'].get('name', path)}, {wanted} parameters, batch {batch}"
            title += ", one thread, by processor time" if options.processor_time else ""
            measure(title, options.rounds, lambda: run_dropcl(options, path, batch), workers)
            for key, words in LIGHTER:
                if f'"{key}"' in said:
                    print(f"  spared the peers: {words}")
        for worker in workers:
            worker.close()


def main():
    parser = arguments(__doc__.split("\n")[0], rounds=3)
    parser.add_argument("recipe", nargs="*", help="default: the convolutional ones in models/")
    parser.add_argument("--data", help="folder of the datasets; without it noise for everyone")
    parser.add_argument("--peer", action="append", metavar="PYTHON", help="an interpreter that has PyTorch; default: Debian's")
    parser.add_argument("--batch", type=numbers, default=[128])
    parser.add_argument("--rows", type=int, default=1024, help="training rows of a window; at least one step")
    parser.add_argument("--processor-time", action="store_true",
                        help="samples per second of processor time, one thread each: for a machine that others use")  # fmt: skip
    options = parser.parse_args()
    options.peer = options.peer or ["/usr/bin/python3"]
    if options.data and not os.path.isdir(options.data):
        sys.exit(f"{options.data} is no folder")
    for path in options.recipe or convolutional():
        for batch in options.batch:
            measure_recipe(options, path, batch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
