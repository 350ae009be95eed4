"""The whole program on Oclgrind, both kernel families: a tiny training run has the parameters_sha256 of the C
reference, compare finds every bit equal, and Oclgrind has nothing to say."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))

from harness import Case, main, write_mnist

RECIPE = """\
dropcl: 1
model:
  name: tiny
  input: [28, 28, 1]
  layers:
    - dense:   {units: 3, activation: relu}
    - dropout: {rate: 0.5}
    - dense:   {units: 10}
train:
  dataset: mnist
  batch: 4
  micro_batch: 2
  epochs: 1
  seed: 1
  optimizer: {adam: {lr: 0.01}}
"""


class Program(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data, train=8, test=6)
        self.tiny = self.write("oclgrind.yaml", RECIPE)
        self.log = self.path("oclgrind.log")
        self.oclgrind = {
            "OCL_ICD_VENDORS": os.environ.get("OCLGRIND_ICD", "/usr/lib/oclgrind/liboclgrind-rt-icd.so"),
            "OCLGRIND_BUILD_OPTIONS": "-cl-opt-disable",
            "OCLGRIND_LOG": self.log,
        }

    def nothing_to_say(self):
        self.assertEqual(self.read("oclgrind.log"), b"")

    def sha(self, out, device, **environment):
        done = self.ok("train", self.tiny, "--device", device, "--out", self.path(out), "--json", **environment)
        end = done.event("end")
        return end["parameters_sha256"], end["device"]

    def test_a_run_has_the_hash_of_the_reference(self):
        wanted, _ = self.sha("reference", "cpu")
        for family in ("cpu", "gpu"):
            sha, device = self.sha(family, "oclgrind", DROPCL_FAMILY=family, **self.oclgrind)
            self.assertIn("Oclgrind", device)
            self.assertEqual(sha, wanted, f"{family} kernels")
            self.nothing_to_say()

    def test_compare_finds_every_bit_equal(self):
        for family in ("cpu", "gpu"):
            self.ok("compare", self.tiny, "--devices", "cpu,oclgrind", "--steps", "1", DROPCL_FAMILY=family,
                    **self.oclgrind)
            self.nothing_to_say()


if __name__ == "__main__":
    main()
