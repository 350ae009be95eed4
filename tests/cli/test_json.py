"""docs/json.md against what the commands print: the same events, the same fields in the same order, the types it
says. (test_bench.py, test_sweep.py and test_lab.py do the same for commands that take longer.)"""

import re

from harness import DEVICE, ROOT, Case, main, write_mnist

COMMANDS = ("train", "eval", "predict", "compare", "devices")  # the others are looked at by tests of their own
TYPES = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "list": list,
    "null": type(None),
}


def documented():
    """{(command, event): {field: type text}} from the headings and tables of docs/json.md."""
    events, command, fields, common = {}, None, None, {}
    with open(f"{ROOT}/docs/json.md", encoding="utf-8") as page:
        for line in page:
            if found := re.match(r"## dropcl (\w+)", line):
                command, fields = found[1], None
            elif line.startswith("## "):
                command, fields = None, None
            elif found := re.match(r"### `(\w+)`", line):
                fields = events.setdefault((command, found[1]), {})
            elif found := re.match(r"\| `(\w+)` \| ([a-z ]+) \|", line):
                (common if command is None else fields)[found[1]] = found[2].strip()
    return {key: {**common, **fields} for key, fields in events.items() if key[0] in COMMANDS}


class Json(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data)
        self.seen = {}

    def check(self, command, done):
        for line in done.lines():
            key = (command, line["event"])
            self.assertIn(key, self.pages, f"{key} is not documented")
            self.assertEqual(list(line), list(self.pages[key]), f"fields of {key}")
            for field, value in line.items():
                allowed = [TYPES[word] for word in self.pages[key][field].split(" or ")]
                fine = any(isinstance(value, kind) for kind in allowed)
                if isinstance(value, bool):
                    fine = bool in allowed
                self.assertTrue(fine, f"{key} {field}: {value!r} is no {self.pages[key][field]}")
            self.assertEqual(line["schema"], 1)
            self.seen[key] = True

    def test_every_object_is_as_documented(self):
        self.pages = documented()
        self.check("train", self.train())
        self.check("train", self.train("--set", "train.validation=64", "--steps", "5", out="second"))
        self.check("eval", self.ok("eval", self.path("run"), "--device", DEVICE, "--json"))
        self.check("eval", self.ok("eval", self.path("run"), "--device", DEVICE, "--json", "--mc", "2"))
        self.check("eval", self.ok("eval", self.path("run"), "--device", DEVICE, "--json", "--tta"))
        rows = ("--device", DEVICE, "--json", "--rows", "0:3")
        self.check("predict", self.ok("predict", self.path("run"), *rows))
        self.check("predict", self.ok("predict", self.path("run"), *rows, "--mc", "2"))
        images = self.path("data", "mnist", "t10k-images-idx3-ubyte")
        self.check("predict", self.ok("predict", self.path("run"), "--images", images, "--device", DEVICE, "--json"))
        self.check("devices", self.ok("devices", "--json"))
        self.check("compare", self.ok("compare", self.recipe, "--devices", f"cpu,{DEVICE}", "--json"))
        self.assertEqual(set(self.seen), set(self.pages), "documented, but never printed")

    def test_metrics_are_the_lines_of_stdout(self):
        done = self.train()
        self.assertEqual(self.read("run", "metrics.jsonl").decode(), done.out)
        self.assertEqual([line["event"] for line in done.lines()], ["epoch", "epoch", "end"])


main()
