"""The kernels for GPUs, all of them, train whole epochs on a CPU device: no GPU is needed to know their bits.

The network is models/mnist-mlp.yaml at its own batch on a part of the synthetic digits: every layer is larger than a
tile, and the first product is a sum of several chunks. The C reference and the kernels for CPUs must end with the same
parameters."""

import os

from harness import ROOT, Case, main

MLP = os.path.join(ROOT, "models", "mnist-mlp.yaml")
ROWS = 1280

# What the network above lacks: dropout on the input, Adam, sums over micro-batches, a layer without a bias.
OTHERS = """\
dropcl: 1
model:
  name: others
  input: [28, 28, 1]
  layers:
    - dropout: {rate: 0.1}
    - dense:   {name: fc1, units: 70, bias: false, activation: relu}
    - dropout: {rate: 0.5}
    - dense:   {name: fc2, units: 10}
train:
  dataset: synthetic
  batch: 128
  micro_batch: 32
  epochs: 1
  seed: 3
  optimizer: {adamw: {lr: 0.002}}
"""


class Family(Case):
    def end(self, recipe, *words, device="pocl", **environment):
        words = ("--set", "train.dataset=synthetic", "--set", f"train.limit={ROWS}", *words)
        done = self.ok("train", recipe, "--device", device, "--epochs", "1", "--force", "--out", self.path("run"),
                       "--json", *words, **environment)  # fmt: skip
        return done.event("end")

    def sha(self, *words, **environment):
        return self.end(*words, **environment)["parameters_sha256"]

    def gpu(self, *words, **environment):
        return self.end(*words, DROPCL_FAMILY="gpu", **environment)

    def test_an_epoch_of_the_network_in_every_way(self):
        first = self.gpu(MLP)
        self.assertEqual(first["steps"], ROWS // 128)
        self.assertGreater(first["test_accuracy"], 0.2, "one epoch taught it nothing")
        self.assertEqual(first["parameters_sha256"], self.sha(MLP, device="cpu"), "the C reference")
        self.assertEqual(first["parameters_sha256"], self.sha(MLP, DROPCL_FAMILY="cpu"), "the kernels for CPUs")
        for way in ("simple", "gpu 32", "gpu 64", "gpu 128x64", "gpu 128", "gpu 32 split", "gpu 64 split"):
            end = self.gpu(MLP, DROPCL_TUNE=way)
            self.assertEqual(first["parameters_sha256"], end["parameters_sha256"], way)

    def test_an_epoch_of_the_other_kernels(self):
        recipe = self.write("others.yaml", OTHERS)
        first = self.gpu(recipe)
        self.assertEqual(first["parameters_sha256"], self.sha(recipe, device="cpu"))
        self.assertEqual(first["parameters_sha256"], self.sha(recipe, DROPCL_FAMILY="cpu"))

    def test_an_epoch_by_the_library(self):
        """CLBlast sums in another order: close, and with dropout's decisions the same, but not the same bits."""
        own = self.gpu(MLP, "--set", "train.gemm=any")
        library = self.gpu(MLP, "--set", "train.gemm=any", DROPCL_TUNE="clblast")
        self.assertNotEqual(own["parameters_sha256"], library["parameters_sha256"], "the library was not used")
        self.assertAlmostEqual(own["train_loss"], library["train_loss"], delta=1e-3)


main()
