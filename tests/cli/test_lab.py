"""dropcl lab: its objects are as docs/json.md says, its page holds what they say, and wrong words are refused."""

import base64
import json
import os
import re
import signal
import statistics
import subprocess
import time

from harness import DEVICE, IMAGES, Case, decode, digits, documented, idx, main, write_mnist

RECIPE = """\
dropcl: 1
model:
  name: tiny
  input: [28, 28, 1]
  layers:
    - dense:   {name: fc1, units: 32, activation: relu}
    - dropout: {rate: 0.5}
    - dense:   {name: fc2, units: 10}
train:
  dataset: mnist
  batch: 32
  epochs: 2
  limit: 200
  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}
"""


class Lab(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data, train=400, test=100)
        self.recipe = self.write("lab.yaml", RECIPE)

    def less(self):
        """For experiments of many trainings."""
        write_mnist(self.data, train=160, test=30)
        self.recipe = self.write("less.yaml", RECIPE.replace("limit: 200", "limit: 40").replace("epochs: 2", "epochs: 1"))

    def words(self, *words):
        return ["lab", self.recipe, "--device", DEVICE, "--out", self.path("lab"), *words]

    def numbers(self):
        return json.loads(self.read("lab", "numbers.json"))

    def test_experiments_and_their_report(self):
        done = self.ok(*self.words("--only", "mechanism", "--only", "scaling", "--json"))
        lines = done.lines()
        self.as_documented("lab", lines)
        self.assertEqual({line["event"] for line in lines}, set(documented("lab")))
        self.assertEqual([line.get("name") for line in lines], ["mechanism", "scaling", None])
        for line in lines[:-1]:
            self.assertEqual(line["verdict"], "held", line)
        self.assertEqual((lines[-1]["held"], lines[-1]["failed"], lines[-1]["open"]), (2, 0, 0))
        self.assertFalse(lines[-1]["synthetic"])
        numbers = self.numbers()
        html = self.read("lab", "report.html").decode()
        page = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])
        self.assertEqual([s["id"] for s in page["sections"]], ["mechanism", "scaling"])
        for section, line in zip(numbers["sections"], lines):
            claim = section["blocks"][0]
            for field in ("claim", "measured", "result", "verdict", "seeds"):
                self.assertEqual(claim[field], line[field])

    def test_the_masks_shown_are_those_of_the_contract(self):
        self.ok(*self.words("--only", "mechanism"))
        network = next(b for b in self.numbers()["sections"][0]["blocks"] if b["kind"] == "network")
        self.assertEqual([layer["name"] for layer in network["layers"]], ["input: 784", "fc1: 32", "fc2: 10"])
        for number, step in enumerate(network["steps"]):
            words = f"mask --seed 1 --layer 0 --step {number} --samples 0:1 --elements 10 --rate 0.5".split()
            mask = self.ok(*words, "--device", DEVICE).out.strip()
            self.assertEqual(step["kept"], [None, [int(bit) for bit in mask], None])

    def test_all_networks_are_one(self):
        line = self.ok(*self.words("--only", "ensemble", "--json")).event("experiment")
        self.assertEqual(line["verdict"], "held", line)

    def test_a_recipe_without_dropout_is_shown_on_a_network_that_has_it(self):
        path = self.write("plain.yaml", RECIPE.replace("    - dropout: {rate: 0.5}\n", ""))
        words = ["lab", path, "--device", DEVICE, "--out", self.path("lab"), "--json"]
        done = self.ok(*words, "--only", "mechanism", "--only", "scaling")
        self.assertEqual([line["verdict"] for line in done.lines()[:-1]], ["held", "held"])
        for section in self.numbers()["sections"]:
            notes = [b["text"] for b in section["blocks"] if b["kind"] == "text" and b.get("style") == "note"]
            self.assertIn("tiny has no layer of type dropout", notes[0])
        network = next(b for b in self.numbers()["sections"][0]["blocks"] if b["kind"] == "network")
        self.assertEqual([layer["name"] for layer in network["layers"]], ["input: 784", "fc1: 256", "fc2: 128", "out: 10"])

    def test_turned_pictures_are_what_predict_says_of_them(self):
        """Upright, turned by a quarter and by a half: the same network and masks, pictures turned here."""
        self.ok(*self.words("--only", "rotated"))
        blocks = self.numbers()["sections"][0]["blocks"]
        charts = {b["title"]: {s["name"]: s["points"] for s in b["series"]} for b in blocks if b["kind"] == "chart"}
        self.train(out="run")
        pixels, labels = digits(100, "test")
        pictures = [pixels[i * 784 : (i + 1) * 784] for i in range(100)]
        for quarters in range(3):
            file = self.write("turned.idx", idx(IMAGES, (100, 28, 28), b"".join(pictures)))
            words = ("predict", self.path("run"), "--images", file, "--device", DEVICE, "--json")
            off, rows = ([r for r in self.ok(*words, *mc).lines() if r["event"] == "prediction"] for mc in ((), ("--mc", "30")))
            at = quarters * 6
            for chart, series, values in (
                ("Uncertainty", "entropy", [r["entropy"] for r in rows]),
                ("Uncertainty", "expected entropy", [r["expected_entropy"] for r in rows]),
                ("Uncertainty", "information", [r["information"] for r in rows]),
                ("Accuracy", "mean of the passes", [r["class"] == y for r, y in zip(rows, labels)]),
                ("Accuracy", "dropout off", [r["class"] == y for r, y in zip(off, labels)]),
            ):
                angle, value = charts[chart][series][at][:2]
                self.assertEqual(angle, 90 * quarters)
                # numbers.json has nine digits
                self.assertAlmostEqual(value, sum(values) / 100, delta=1e-8 * value, msg=f"{series} at {angle}")
            self.check_area(charts["Telling wrong answers from right ones"], "information", at, rows, labels)
            # counter-clockwise: the right edge becomes the top
            pictures = [bytes(p[28 * row + 27 - line] for line in range(28) for row in range(28)) for p in pictures]

    def check_area(self, chart, score, at, rows, labels):
        """The area under the ROC curve as the share of pairs in order."""
        right = [r[score] for r, y in zip(rows, labels) if r["class"] == y]
        wrong = [r[score] for r, y in zip(rows, labels) if r["class"] != y]
        if right and wrong:
            pairs = sum((w > r) + (w == r) / 2 for w in wrong for r in right)
            self.assertAlmostEqual(chart[score][at][1], pairs / len(right) / len(wrong), places=8)

    def drawn_tiles(self, item, side):
        """Which pixels of each map of a sheet of three by three have the colour of what is dropped."""
        rows = decode(base64.b64decode(item["src"].split(",")[1]))
        red = [[tuple(row[3 * x : 3 * x + 3]) == (0xE0, 0x56, 0x3C) for x in range(len(row) // 3)] for row in rows]
        self.assertEqual((len(red), len(red[0])), (3 * side + 2, 3 * side + 2))
        corners = [(y * (side + 1), x * (side + 1)) for y in range(3) for x in range(3)]
        return [tuple(red[y + j][x + i] for j in range(side) for i in range(side)) for y, x in corners]

    def test_maps_are_drawn_under_the_masks_of_the_contract(self):
        """Nine channels, the same in every picture, with their masks as `dropcl mask` prints them."""
        self.less()
        self.ok(*self.words("--only", "variants"))
        blocks = self.numbers()["sections"][0]["blocks"]
        items = next(b for b in blocks if b["kind"] == "pictures")["items"]
        self.assertEqual([item["text"] for item in items[1:]], ["nothing dropped", "dropout", "dropout2d", "dropblock"])
        self.assertFalse(any(map(any, self.drawn_tiles(items[1], 14))))
        table = {row[0]: row for row in next(b for b in blocks if b["kind"] == "table")["rows"]}
        channels = []
        for item, kind in zip(items[2:], ("dropout", "dropout2d", "dropblock")):
            shape = ["--elements", 6272] if kind == "dropout" else ["--shape", "14,14,32"]
            shape += ["--size", 3] if kind == "dropblock" else []
            words = "mask --seed 1 --layer 0 --step 0 --samples 0:30 --rate 0.3 --kind".split()
            masks = self.ok(*words, kind, *shape, "--device", DEVICE).out.split()
            dropped = [tuple(bit == "0" for bit in masks[0][c::32]) for c in range(32)]
            tiles = self.drawn_tiles(item, 14)
            for tile in tiles:
                self.assertIn(tile, dropped)
            if kind == "dropout":  # no two channels have the same mask
                channels = [dropped.index(tile) for tile in tiles]
                self.assertEqual(len(set(channels)), 9)
            self.assertEqual(tiles, [dropped[c] for c in channels])
            share = 100 * sum(mask.count("0") for mask in masks) / sum(map(len, masks))
            self.assertEqual(table[f"{kind} 0.3"][4], f"{share:.1f} %")
        self.assertEqual(table["dropout2d 0.3"][5:], ["0 %", "0.0 %"])

    def test_dropconnect_is_evaluated_as_eval_does_it(self):
        """The lab's network, trained by itself: all inferences of the same weights."""
        write_mnist(self.data, train=160, test=40)
        self.recipe = self.write("connect.yaml", RECIPE.replace("limit: 200", "limit: 80"))
        self.ok(*self.words("--only", "connect"))
        trials, table = (b["rows"] for b in self.numbers()["sections"][0]["blocks"] if b["kind"] == "table")
        self.check_trials(next(row for row in trials if row[0] == "dropout"))
        found = {row[0]: row[1:] for row in table}
        text = self.network("    - dropconnect: {units: %d, rate: 0.5, activation: relu, inference: gaussian}\n")
        for inference in ("gaussian", "sampling", "mean"):
            self.recipe = self.write("trained.yaml", text.replace("gaussian", inference))
            self.train(out=inference)
            end = self.ok("eval", self.path(inference), "--device", DEVICE, "--json").event("eval")
            self.assertEqual(found[inference][:2], [f"{end['test_loss']:.4f}", f"{100 * end['test_error']:.2f} %"])
        passes = self.probabilities("gaussian", "--mc", 15)
        for inference in ("gaussian", "sampling", "mean"):
            pairs = zip(self.probabilities(inference), passes)
            apart = sum(abs(p - q) for row in pairs for p, q in zip(*row)) / 2 / len(passes)
            # printed to 0.0001, probabilities of float32
            self.assertAlmostEqual(float(found[inference][2]), apart, delta=0.00005 + 1e-6)
        words = ("eval", self.path("gaussian"), "--mc", 15, "--device", DEVICE, "--json")
        end = self.ok(*words).event("eval")
        self.assertEqual(found["mean of the passes"][:2], [f"{end['test_loss']:.4f}", f"{100 * end['test_error']:.2f} %"])

    def probabilities(self, out, *words):
        lines = self.ok("predict", self.path(out), *words, "--device", DEVICE, "--json").lines()
        return [line["probabilities"] for line in lines if line["event"] == "prediction"]

    def network(self, hidden):
        """The recipe of a network of the lab's own with this twice, on eighty rows."""
        head, tail = RECIPE.split("    - dense", 1)
        text = head + hidden % 256 + hidden % 128 + "    - dense: {units: 10}\n" + tail[tail.index("train:") :]
        return text.replace("batch: 32", "batch: 128\n  schedule: {cosine: {}}").replace("limit: 200", "limit: 80")

    def check_trials(self, row):
        """Mean and spread over the seeds, of networks trained here."""
        text = self.network("    - dense: {units: %d, activation: relu}\n    - dropout: {rate: 0.5}\n")
        self.recipe = self.write("dropout.yaml", text.replace("  limit", "  validation: 40\n  limit"))
        ends = [
            self.train("--set", f"train.seed={seed}", out=f"trial{seed}").event("epoch")
            for seed in (1, 2, 3, 4, 5)
        ]
        for cell, field in zip(row[1:], ("val", "test", "train")):
            errors = [100 * (1 - end[f"{field}_accuracy"]) for end in ends]
            self.assertEqual(cell, f"{statistics.mean(errors):.2f} \u00b1 {statistics.stdev(errors):.2f} %")

    def test_few_rows_make_three_sizes(self):
        self.less()
        done = self.ok(*self.words("--only", "size", "--json"))
        chart = next(b for b in self.numbers()["sections"][0]["blocks"] if b["kind"] == "chart")
        limit = 40
        for series in chart["series"]:
            self.assertEqual([point[0] for point in series["points"]], [limit // 4, limit // 2, limit])
        self.assertNotIn("not finite", done.event("experiment")["result"])

    def test_without_the_data_it_is_the_built_in_digits(self):
        done = self.ok(*self.words("--only", "mechanism", "--json"), DROPCL_DATA=self.path("none"))
        self.assertTrue(done.event("end")["synthetic"])
        self.assertEqual(done.event("end")["dataset"], "synthetic")
        self.assertIn("built-in digits", self.numbers()["subtitle"])
        self.refused(66, *self.words("--data", self.path("none")), says="none")

    def test_wrong_words_are_refused(self):
        done = self.refused(64, *self.words("--only", "mechanics"), says="no experiment is called 'mechanics'")
        self.assertIn("ensemble", done.err)
        self.refused(69, "lab", self.recipe, "--device", "nosuch", says="nosuch")
        self.refused(66, "lab", self.path("none.yaml"), "--device", DEVICE, says="none.yaml")
        self.refused(78, "lab", self.write("bad.yaml", RECIPE.replace("0.5", "5")), "--device", DEVICE, says="bad.yaml:7:")

    def test_interruption_writes_nothing(self):
        command, env = self.command(*self.words("--only", "rate"))
        process = subprocess.Popen(command, cwd=self.folder, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        while not process.stderr.readline().startswith("rate:"):
            self.assertIsNone(process.poll())
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 75, err)
        self.assertFalse(os.path.exists(self.path("lab", "report.html")))


main()
