"""The recipes of models/ on the datasets they name: the first optimizer step in lock step with the C reference, in
both kernel families, and what a short training must have learned. What needs a dataset that is not on this machine
is skipped."""

import glob
import os
import re

from harness import DEVICE, ROOT, Case, main

DATA = os.path.abspath(os.environ.get("DROPCL_DATA", os.path.join(ROOT, "datasets")))
RECIPES = sorted(glob.glob(os.path.join(ROOT, "models", "*.yaml")))
# One more than a tile of samples has. The largest network takes the reference half a minute.
BATCH = 9


class Models(Case):
    def setUp(self):
        super().setUp()
        self.environment["DROPCL_DATA"] = DATA

    def needs_data_of(self, recipe):
        with open(recipe, encoding="utf-8") as file:
            dataset = re.search(r"^  dataset: (\S+)$", file.read(), re.MULTILINE)[1]
        if not os.path.isdir(os.path.join(DATA, dataset)):
            self.skipTest(f"no {dataset} in {DATA}: datasets/README.md says how to get it")

    def compare(self, recipe, family):
        done = self.ok("compare", recipe, "--devices", f"cpu,{DEVICE}", "--steps", "1", "--set", f"train.batch={BATCH}",
                       "--json", DROPCL_FAMILY=family, timeout=900)  # fmt: skip
        end = done.event("end")
        self.assertEqual((end["steps"], end["unequal"]), (1, 0))
        self.assertGreater(end["mask_bits"], 0, "every recipe here drops something")
        self.assertGreater(end["equal"], end["mask_bits"])

    def compare_all(self, family):
        self.assertGreaterEqual(len(RECIPES), 7)
        for recipe in RECIPES:
            with self.subTest(recipe=os.path.basename(recipe)):
                self.needs_data_of(recipe)
                self.compare(recipe, family)

    def test_compare_cpu(self):
        self.compare_all("cpu")

    def test_compare_gpu(self):
        self.compare_all("gpu")

    # Lock step cannot see a wrong gradient, rate or scale that all devices share; these gates can. Bits are
    # portable, so a figure is the same on every device and no gate a matter of luck. Each leaves room for a change
    # that only makes other random numbers, which move a figure as another seed does.

    def accuracy(self, name, *words):
        """Of the test set, after one epoch."""
        recipe = os.path.join(ROOT, "models", name)
        self.needs_data_of(recipe)
        done = self.ok("train", recipe, "--device", DEVICE, "--epochs", "1", "--out", self.path("run"), "--json", *words,
                       timeout=900)  # fmt: skip
        return done.event("end")["test_accuracy"]

    def test_accuracy_mnist_cnn(self):
        # seeds 1, 2, 3: 0.9773, 0.9786, 0.9792; one dense layer, 10 epochs: 0.9257
        self.assertGreater(self.accuracy("mnist-cnn.yaml"), 0.97)

    def test_accuracy_cifar10_cnn(self):
        # seeds 1, 2, 3: 0.5232, 0.5193, 0.5270; one dense layer, 10 epochs: 0.3803
        self.assertGreater(self.accuracy("cifar10-cnn.yaml", "--set", "train.limit=20000"), 0.45)


main()
