"""Portable bits, end to end: one parameters_sha256 for a recipe and a seed, whatever runs it and however."""

import os
import re
import signal
import subprocess

from harness import RECIPE, Case, main, write_mnist

# Odd sizes on purpose: rows that fill no tile, a dropout on the input, two dropouts in a row.
WIDE = """\
dropcl: 1
model:
  name: wide
  input: [28, 28, 1]
  layers:
    - dropout: {rate: 0.1}
    - dense:   {name: fc1, units: 131, activation: relu}
    - dropout: {rate: 0.5}
    - dropout: {rate: 0.2}
    - dense:   {name: fc2, units: 10}
train:
  dataset: mnist
  batch: 32
  epochs: 2
  seed: 3
  optimizer: {adamw: {lr: 0.002}}
  schedule: {cosine: {}}
"""


class Bits(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data)
        self.count = 0

    def sha(self, recipe, *words, device="pocl", **environment):
        self.count += 1
        out = self.path(f"run{self.count}")
        done = self.ok("train", recipe, "--device", device, "--out", out, "--json", *words, **environment)
        return done.event("end")["parameters_sha256"]

    def tuned(self):
        """The tuner on, with nothing kept from earlier runs: it times the ways of every step and picks."""
        del self.environment["DROPCL_TUNE"]
        self.environment["XDG_CACHE_HOME"] = self.path("tuned")

    def kept_choices(self):
        found = []
        for folder, _, names in os.walk(self.path("tuned", "dropcl")):
            found += [] if "pocl" in folder.split(os.sep) else [os.path.join(folder, name) for name in names]
        return found

    def test_one_hash_on_every_device_and_path(self):
        for name, text in (("tiny", RECIPE), ("wide", WIDE)):
            recipe = self.write(f"{name}.yaml", text)
            cache = self.path(f"cache-{name}")
            os.makedirs(cache)
            first = self.sha(recipe)
            self.assertEqual(first, self.sha(recipe, device="cpu"), "the C reference")
            self.assertEqual(first, self.sha(recipe, POCL_CACHE_DIR=cache), "cold kernel cache")
            self.assertTrue(os.listdir(cache), "POCL did not use the cache: the next line shows nothing")
            self.assertEqual(first, self.sha(recipe, POCL_CACHE_DIR=cache), "warm kernel cache")
            for threads in ("1", "2"):
                self.assertEqual(first, self.sha(recipe, POCL_MAX_PTHREAD_COUNT=threads), f"{threads} threads")
            for family in ("cpu", "gpu"):
                self.assertEqual(first, self.sha(recipe, DROPCL_FAMILY=family), f"{family} kernels")
            self.assertNotEqual(first, self.sha(recipe, "--seed", "99"), "another seed")

    def test_the_tuner_changes_no_bit(self):
        recipe = self.write("wide.yaml", WIDE)
        first = self.sha(recipe)
        self.tuned()
        self.assertEqual(self.kept_choices(), [])
        self.assertEqual(first, self.sha(recipe), "timed now")
        self.assertTrue(self.kept_choices(), "the tuner kept nothing: the next line shows nothing")
        self.assertEqual(first, self.sha(recipe), "kept choices")
        for threads in ("1", "2"):
            self.assertEqual(first, self.sha(recipe, POCL_MAX_PTHREAD_COUNT=threads), f"tuned, {threads} threads")
        for family in ("cpu", "gpu"):
            self.assertEqual(first, self.sha(recipe, DROPCL_FAMILY=family), f"tuned {family} kernels")

    def test_plan_counts_the_launches_of_the_tuned_training(self):
        recipe = self.write("wide.yaml", WIDE)
        self.tuned()
        self.sha(recipe)
        plan = self.ok("plan", recipe, "--device", "pocl").out.split("\n\n")[0]
        run = self.ok("bench", recipe, "--device", "pocl", "--only", "rates", "--steps", "1", "--json").event("end")
        self.assertIn(f" {run['launches']} launches", plan)

    def launches(self, recipe, way, *words, family="gpu"):
        """Of the training plan, by its total line."""
        page = self.ok("plan", recipe, "--device", "pocl", *words, DROPCL_FAMILY=family, DROPCL_TUNE=way).out
        return int(re.search(r"(\d+) launches", page)[1])

    def test_plan_shows_the_launches_of_a_forced_way(self):
        recipe = self.write("wide.yaml", WIDE)
        whole = self.launches(recipe, "gpu 32")
        self.assertEqual(self.launches(recipe, "gpu 32 split"), whole + 1)  # fc1 alone has a long sum
        self.assertGreater(self.launches(recipe, "clblast", "--set", "train.gemm=any"), whole)
        self.assertEqual(self.launches(recipe, "off", "--set", "train.gemm=any"), self.launches(recipe, "off"))
        self.refused(64, "plan", recipe, "--device", "pocl", DROPCL_TUNE="gpu 33", says="gpu 33")
        self.refused(64, "plan", recipe, "--device", "pocl", DROPCL_TUNE="cpu batch 8x32", says="cpu batch 8x32")

    def test_ways_of_convolutions_can_be_forced(self):
        deep = "[{conv: {filters: 16, kernel: 1}}, {conv: {filters: 16, kernel: 3}}, {dense: {units: 10}}]"
        head, tail = WIDE[: WIDE.index("  layers:")], WIDE[WIDE.index("train:") :]
        recipe = self.write("maps.yaml", f"{head}  layers: {deep}\n{tail}")
        # weights go into panels first, which simple does for dx alone
        panels = self.launches(recipe, "cpu batch 8x32", family="cpu")
        self.assertGreater(panels, self.launches(recipe, "simple", family="cpu"))

    def test_a_signal_stops_the_tuner(self):
        recipe = self.write("wide.yaml", WIDE)
        self.tuned()
        out = self.path("stopped")
        command, env = self.command("train", recipe, "--device", "pocl", "--out", out, "--set", "train.batch=500",
                                    POCL_CACHE_DIR=self.path("cold"))  # fmt: skip
        process = subprocess.Popen(command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        said = b""
        while b"timing kernels" not in said:
            line = process.stderr.readline()
            self.assertTrue(line, "it ended before it said that it tunes")
            said += line
        process.send_signal(signal.SIGINT)
        _, more = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 75, more)
        self.assertIn(b"interrupted before the first step", more)
        self.assertFalse(os.path.exists(out))
        self.assertEqual(self.kept_choices(), [])

    def test_micro_batches_give_one_hash_on_every_device(self):
        recipe = self.write("wide.yaml", WIDE)
        words = ("--set", "train.micro_batch=8", "--epochs", "1")
        first = self.sha(recipe, *words)
        self.assertEqual(first, self.sha(recipe, *words, device="cpu"))
        self.assertEqual(first, self.sha(recipe, *words, DROPCL_FAMILY="gpu"))


main()
