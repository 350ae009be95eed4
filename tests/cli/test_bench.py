"""dropcl bench: every field is as docs/json.md says, and the numbers fit each other. How
fast anything is, is no test."""

import os
import re
import unittest

from harness import DEVICE, ROOT, Case, write_mnist

KINDS = {"text": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
REFERENCE = DEVICE == "cpu"


def documented():
    """{event: {field: type text}} of the section `dropcl bench`."""
    section = re.split(r"^## dropcl bench$", text_of("docs/json.md"), flags=re.MULTILINE)[1]
    section = re.split(r"^## ", section, flags=re.MULTILINE)[0]
    events = {}
    for part in re.split(r"^### ", section, flags=re.MULTILINE)[1:]:
        fields = re.findall(r"^\| `(\w+)` \| ([a-z ]+) \|", part, flags=re.MULTILINE)
        events[re.match(r"`(\w+)`", part)[1]] = {"event": "text", "schema": "integer", **dict(fields)}
    return events


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


class Bench(Case):
    def bench(self, *words):
        done = self.ok("bench", *words, "--device", DEVICE, "--json")
        pages = documented()
        self.assertEqual(set(pages), {"bench", "end"})
        rows = done.lines()
        for row in rows:
            self.assertEqual(list(row), list(pages[row["event"]]), row)
            for field, value in row.items():
                kinds = [KINDS[word] for word in pages[row["event"]][field].split(" or ")]
                fine = bool in kinds if isinstance(value, bool) else any(isinstance(value, k) for k in kinds)
                self.assertTrue(fine, f"{field}: {value!r}")
        self.assertEqual([row["event"] for row in rows], ["bench"] * (len(rows) - 1) + ["end"])
        for row in rows[:-1]:
            self.check_row(row, rows[-1])
        return rows[:-1], rows[-1], done

    def check_row(self, row, end):
        self.assertGreaterEqual(row["seconds"], 0, row)
        seconds = row["seconds"]
        if row["section"] == "start":
            return
        if row["best_seconds"] is not None:
            self.assertLessEqual(row["best_seconds"], seconds, row)
        if row["section"] in ("gemm", "conv", "dropout", "infer"):
            # a reference of one thread computes most of the time that passes, and never longer
            self.assertGreater(row["processor_seconds"], 0, row)
            if REFERENCE:
                self.assertLess(row["processor_seconds"], 1.5 * seconds + 0.001, row)
        if row["section"] == "limit":
            return
        for rate, share, limit in (
            ("gflops", "peak_percent", "peak_gflops"),
            ("gbytes_per_second", "copy_percent", "copy_gbytes_per_second"),
        ):
            if row[rate] is None or end[limit] is None:
                self.assertIsNone(row[share], row)
            else:
                self.assertAlmostEqual(row[share] / (100 * row[rate] / end[limit]), 1, places=6)
        if row["section"] == "gemm":
            m, n, k = map(int, row["shape"].split("x"))
            self.assertAlmostEqual(row["gflops"] * seconds * 1e9 / (2 * m * n * k), 1, places=6)
        if row["section"] == "conv":
            n, h, w, c, kh, kw, f = map(int, re.split("[x ]", row["shape"]))
            self.assertAlmostEqual(row["gflops"] * seconds * 1e9 / (2 * n * h * w * c * kh * kw * f), 1, places=6)
            moved = 4 * (n * h * w * (c + f) + kh * kw * c * f)
            self.assertAlmostEqual(row["gbytes_per_second"] * seconds * 1e9 / moved, 1, places=6)

    def of(self, rows, section):
        return [row for row in rows if row["section"] == section]

    def test_the_device_alone(self):
        # the convolutions apart, as each of their kernels is compiled first
        parts = [f"--only={part}" for part in ("limits", "gemm", "dropout")]
        rows, end, _ = self.bench("--steps", "2", *([] if REFERENCE else parts))
        self.assertEqual({row["section"] for row in rows}, {"dropout", "gemm"} | ({"conv"} if REFERENCE else {"limit"}))
        products = self.of(rows, "gemm")
        self.assertIn(("128x256x784", "NN", "reference" if REFERENCE else "cpu 6x16"), [(r["shape"], r["name"], r["detail"]) for r in products])
        self.assertEqual({r["name"] for r in products}, {"NN", "TN", "NT"})
        self.assertEqual("clblast" in {r["detail"] for r in products}, not REFERENCE)
        masks = self.of(rows, "dropout")
        self.assertEqual({row["name"] for row in masks}, {"element-wise", "channel-wise", "dropblock"})
        elements = 1024 * 1024
        for row in masks:
            expected = 1e9 * row["seconds"] * end["compute_units"] / elements
            self.assertAlmostEqual(row["ns_per_element"] / expected, 1, places=6)
        self.assertIsNone(end["recipe"])
        if REFERENCE:
            self.assertIsNone(end["peak_gflops"])
            return
        limits = self.of(rows, "limit")
        best = max(row["gflops"] for row in limits if row["name"] == "fma")
        self.assertAlmostEqual(end["peak_gflops"] / best, 1, places=6)
        self.assertEqual({row["name"] for row in limits}, {"fma", "copy", "launch"})
        self.assertGreater(end["wait_seconds"], 0)

    def test_convolutions(self):
        """Every pass, and every way of it but slow ones, on each shape."""
        rows, _, _ = self.bench("--steps", "1", "--only", "conv")
        self.assertEqual({row["section"] for row in rows}, {"conv"})
        ways = {(row["name"], row["shape"]): set() for row in rows}
        for row in rows:
            ways[row["name"], row["shape"]].add(row["detail"])
        small = "16x8x8x64 3x3x64"
        for name in ("conv2d", "conv2d_dx", "conv2d_dw"):
            if REFERENCE:
                self.assertEqual(ways[name, small], {"reference"})
            else:
                self.assertLessEqual({"simple", "cpu 8x16"}, ways[name, small])
        if not REFERENCE:
            self.assertLessEqual({("conv2d_dx", "32x32x32x64 3x3x64"), ("conv2d_dw", "128x32x32x3 3x3x64")}, set(ways))
            self.assertNotIn(("conv2d_dx", "128x32x32x3 3x3x64"), ways)  # nothing needs it

    def test_a_recipe(self):
        write_mnist(self.data)
        rows, end, done = self.bench(self.recipe, "--steps", "3")
        self.assertFalse(end["random_data"])
        self.assertEqual((end["recipe"], end["batch"]), ("tiny", 32))
        [train] = [row for row in self.of(rows, "train") if row["launches"] is not None]
        self.assertEqual(train["launches"], end["launches"])
        self.assertAlmostEqual(train["samples_per_second"] * train["seconds"] / 32, 1, places=6)
        self.assertAlmostEqual(end["milliseconds_per_step"] / train["seconds"] / 1000, 1, places=6)
        [infer] = self.of(rows, "infer")
        self.assertAlmostEqual(infer["samples_per_second"] * infer["seconds"] / 128, 1, places=6)
        steps = self.of(rows, "step")
        self.assertEqual(sum(row["launches"] for row in steps), end["launches"])
        names = {(row["name"], row["detail"]) for row in steps}
        self.assertLessEqual({("dense+relu+dropout", "fc1"), ("dense_dw", "fc2"), ("sgd", "update")}, names)
        plan = self.ok("plan", self.recipe, "--device", DEVICE).out.split("\n\n")[0]
        for row in steps:
            self.assertIn(row["name"], plan)
        self.check_starts(self.of(rows, "start"))
        self.assertNotIn("random", done.err)

    def check_starts(self, rows):
        cold, warm = ([row for row in rows if row["detail"] == word] for word in ("cold", "warm"))
        self.assertEqual([row["name"] for row in cold], [row["name"] for row in warm])
        self.assertEqual(len(cold) + len(warm), len(rows))
        for start in (cold, warm):
            self.assertEqual(start[-1]["name"], "total")
            total = sum(row["seconds"] for row in start[:-1])
            self.assertAlmostEqual(start[-1]["seconds"], total, places=6)
            self.assertGreater(total, 0)
            self.assertLessEqual({"data", "device open", "upload", "training kernels"}, {r["name"] for r in start})

    def test_missing_data_is_replaced_and_said(self):
        rows, end, done = self.bench(self.recipe, "--steps", "1", "--only", "rates", "--set", "train.batch=64")
        self.assertTrue(end["random_data"])
        self.assertEqual(end["batch"], 64)
        self.assertIn("random bytes", done.err)
        self.assertEqual({row["section"] for row in rows}, {"train", "infer"})

    def test_rates_one_by_one(self):
        write_mnist(self.data)
        for part, other in (("train", "infer"), ("infer", "train")):
            rows, end, _ = self.bench(self.recipe, "--steps", "1", "--only", part)
            self.assertEqual({row["section"] for row in rows}, {part})
            self.assertGreater(end[f"{part}_samples_per_second"], 0)
            self.assertEqual((end["batch"], end["launches"] > 0), (32, part == "train" and not REFERENCE))
            self.assertIsNone(end[f"{other}_samples_per_second"])
        done = self.ok("bench", self.recipe, "--device", DEVICE, "--steps", "1", "--only", "infer")
        self.assertRegex(done.out, r"(?m)^inference +\d+ samples/s$")

    def test_this_process_start(self):
        write_mnist(self.data)
        rows, _, _ = self.bench(self.recipe, "--only", "open")
        self.assertEqual({(row["section"], row["detail"]) for row in rows}, {("start", None)})

    def test_the_table_holds_the_same_rows(self):
        write_mnist(self.data)
        done = self.ok("bench", self.recipe, "--device", DEVICE, "--only", "rates", "--only", "steps", "--steps", "1")
        self.assertRegex(done.out, r"(?m)^training +\d+ samples/s, [\d.]+ ms per step of 32, \d+ launches$")
        self.assertRegex(done.out, r"(?m)^dense\+relu\+dropout +fc1 +\[32,24\] +[\d.]+ +[\d.]+ +- +[\d.]+ ")

    def test_caches_of_a_start_are_removed(self):
        write_mnist(self.data)
        folder = self.path("tmp")
        os.makedirs(folder)
        self.ok("bench", self.recipe, "--device", DEVICE, "--only", "start", TMPDIR=folder)
        self.assertEqual(os.listdir(folder), [])

    def test_wrong_words_are_refused(self):
        self.refused(64, "bench", "--only", "everything", says="--only")
        self.refused(64, "bench", "--only", "rates", says="needs a recipe")
        self.refused(64, "bench", "--steps", "0", says="--steps")
        self.refused(66, "bench", self.path("none.yaml"), says="none.yaml")


if __name__ == "__main__":
    unittest.main(verbosity=2)
