"""`eval --tta`: the mean of the probabilities of each picture and its mirror image, recomputed here from the model
file in double; the same bits on every device; and what must not change when pictures are mirrored beforehand."""

import json
import math
import os
import random
import struct

from harness import DEVICE, IMAGES, LABELS, Case, digits, idx, main, write_mnist

TRAIN, TEST, SIDE = 320, 120, 28
RECIPE = """\
dropcl: 1
model:
  name: small
  input: [28, 28, 1]
  layers:
    - conv:    {name: conv, filters: 4, kernel: 5, stride: 4, activation: relu}
    - dropout: {rate: 0.3}
    - dense:   {name: fc, units: 10}
train:
  dataset: mnist
  augment: {crop: 2, flip: true}
  batch: 32
  epochs: 2
  seed: 5
  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}
"""
COLOURS = """\
dropcl: 1
model:
  input: [32, 32, 3]
  layers:
    - conv:  {filters: 5, kernel: 4, stride: 4, activation: relu}
    - dense: {units: 10}
train:
  dataset: cifar-10
  batch: 32
  epochs: 1
  limit: 320
  optimizer: {sgd: {lr: 0.05}}
"""


def mirrored(pixels, width):
    """Every row of `width` bytes turned round."""
    return b"".join(pixels[at : at + width][::-1] for at in range(0, len(pixels), width))


def tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    header.pop("__metadata__")
    found = {}
    for name, about in header.items():
        raw = body[slice(*about["data_offsets"])]
        found[name] = struct.unpack(f"<{len(raw) // 4}f", raw)
    return found


def probabilities(model, x):
    """RECIPE's network on one normalised picture, by the layouts of the file: [out][in][kh][kw], rows by C,H,W."""
    places = range(6)
    features = []
    for f in range(4):
        weight = model["conv.weight"][25 * f : 25 * f + 25]
        for oy in places:
            for ox in places:
                total = model["conv.bias"][f]
                for ky in range(5):
                    at = (4 * oy + ky) * SIDE + 4 * ox
                    total += sum(a * b for a, b in zip(weight[5 * ky : 5 * ky + 5], x[at : at + 5]))
                features.append(max(total, 0.0))
    logits = [
        bias + sum(a * b for a, b in zip(model["fc.weight"][144 * k : 144 * k + 144], features))
        for k, bias in enumerate(model["fc.bias"])
    ]
    largest = max(logits)
    odds = [math.exp(logit - largest) for logit in logits]
    return [odd / sum(odds) for odd in odds]


class Digits(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data, train=TRAIN, test=TEST)
        self.small = self.write("small.yaml", RECIPE)
        self.model = self.path("run")
        self.ok("train", self.small, "--device", "cpu", "--out", self.model)

    def score(self, *words, device="cpu", **environment):
        return self.ok("eval", self.model, "--device", device, "--json", *words, **environment).event("eval")

    def replace_tests(self, pictures, labels):
        for name, content in (
            ("t10k-images-idx3-ubyte", idx(IMAGES, (TEST, SIDE, SIDE), pictures)),
            ("t10k-labels-idx1-ubyte", idx(LABELS, (TEST,), labels)),
        ):
            with open(os.path.join(self.data, "mnist", name), "wb") as file:
                file.write(content)

    def expected(self, views):
        """Loss and accuracy of mean probabilities over picture and mirror image, or over the picture alone."""
        model = tensors(os.path.join(self.model, "model.safetensors"))
        train = digits(TRAIN, "train")[0]
        mean = sum(train) / len(train)
        deviation = math.sqrt(sum((byte - mean) ** 2 for byte in train) / len(train))
        pictures, labels = digits(TEST, "test")
        loss, hits = 0.0, 0
        for row, label in enumerate(labels):
            picture = pictures[row * SIDE * SIDE : (row + 1) * SIDE * SIDE]
            seen = [picture, mirrored(picture, SIDE)][:views]
            each = [probabilities(model, [(byte - mean) / deviation for byte in view]) for view in seen]
            p = [sum(column) / views for column in zip(*each)]
            loss -= math.log(p[label]) / TEST
            hits += p.index(max(p)) == label
        return loss, hits / TEST

    def check(self, line, loss, accuracy):
        # single precision against double: some hundred roundings of 6e-8; one row may stand at a tie
        self.assertAlmostEqual(line["test_loss"], loss, delta=1e-5 * loss)
        self.assertAlmostEqual(line["test_accuracy"], accuracy, delta=1.01 / TEST)

    def test_the_mean_over_picture_and_mirror_image(self):
        plain, both = self.expected(1), self.expected(2)
        self.assertGreater(abs(plain[0] - both[0]), 1e-3, "mirror images change nothing here: this shows nothing")
        for device in ("cpu", DEVICE):
            self.check(self.score(device=device), *plain)
            self.check(self.score("--tta", device=device), *both)

    def test_the_fields(self):
        plain, both = self.score(), self.score("--tta")
        self.assertEqual(list(plain), list(both))
        self.assertEqual((plain["tta"], both["tta"]), (False, True))
        self.assertEqual((plain["passes"], both["passes"], both["rows"]), (0, 0, TEST))
        self.assertEqual(plain["parameters_sha256"], both["parameters_sha256"])
        self.assertEqual(both["test_error"], 1 - both["test_accuracy"])
        words = self.ok("eval", self.model, "--device", "cpu", "--tta").out
        self.assertIn("picture and mirror image", words)
        self.assertNotIn("mirror", self.ok("eval", self.model, "--device", "cpu").out)

    def test_the_same_bits_everywhere(self):
        for words in (["--tta"], ["--tta", "--mc", "2"]):
            first = self.score(*words)
            for environment in ({}, {"DROPCL_FAMILY": "gpu"}):
                other = self.score(*words, device=DEVICE, **environment)
                for field in ("test_loss", "test_accuracy", "rows", "passes"):
                    self.assertEqual(first[field], other[field], (words, environment, field))

    def test_masks_are_drawn_for_both(self):
        plain, mean = self.score("--mc", "3"), self.score("--mc", "3", "--tta")
        self.assertEqual((mean["tta"], mean["passes"]), (True, 3))
        losses = {line["test_loss"] for line in (plain, mean, self.score(), self.score("--tta"))}
        self.assertEqual(len(losses), 4)

    def test_mirrored_pictures_have_the_same_mean(self):
        """p + q is q + p, to the bit."""
        plain, both = self.score(), self.score("--tta")
        pictures, labels = digits(TEST, "test")
        self.replace_tests(mirrored(pictures, SIDE), labels)
        turned, again = self.score(), self.score("--tta")
        self.assertNotEqual(plain["test_loss"], turned["test_loss"], "the pictures are symmetric")
        self.assertEqual(both["test_loss"], again["test_loss"])
        self.assertEqual(both["test_accuracy"], again["test_accuracy"])

    def test_symmetric_pictures_have_the_score_of_one(self):
        """Each half of a picture the other's mirror image: nothing to gain, and nothing to lose."""
        pictures, labels = digits(TEST, "test")
        half = SIDE // 2
        rows = (pictures[at : at + half] for at in range(0, len(pictures), SIDE))
        self.replace_tests(b"".join(row + row[::-1] for row in rows), labels)
        plain, both = self.score(), self.score("--tta")
        self.assertEqual(plain["test_accuracy"], both["test_accuracy"])
        # the mean of two equal probabilities is theirs; its logarithm is double's, the plain loss float's
        self.assertAlmostEqual(plain["test_loss"], both["test_loss"], delta=1e-6 * plain["test_loss"])

    def test_lists_have_no_mirror_image(self):
        text = RECIPE.replace("[28, 28, 1]", "[784]").replace("  augment: {crop: 2, flip: true}\n", "")
        text = "".join(line for line in text.splitlines(True) if "conv:" not in line)
        recipe = self.write("list.yaml", text)
        self.ok("train", recipe, "--device", "cpu", "--steps", "1", "--out", self.path("list"))
        self.refused(64, "eval", self.path("list"), "--device", "cpu", "--tta", says="lists of 784")


class Colours(Case):
    """Three channels: pixels change places, their channels do not."""

    ROWS, PLANE = 10000, 32 * 32

    def records(self, turn):
        dice = random.Random(7)
        for _ in range(self.ROWS):
            label, picture = dice.randrange(10), dice.randbytes(3 * self.PLANE)
            yield bytes([label]) + (mirrored(picture, 32) if turn else picture)

    def write_cifar(self, turn):
        home = os.path.join(self.data, "cifar-10")
        os.makedirs(home, exist_ok=True)
        with open(os.path.join(home, "test_batch.bin"), "wb") as file:
            file.writelines(self.records(turn))
        for batch in range(1, 6):
            path = os.path.join(home, f"data_batch_{batch}.bin")
            if not os.path.exists(path):
                os.link(os.path.join(home, "test_batch.bin"), path)
        with open(os.path.join(home, "batches.meta.txt"), "w", encoding="ascii") as file:
            file.writelines(f"class{k}\n" for k in range(10))

    def scores(self):
        words = ("eval", self.path("run"), "--device", DEVICE, "--json")
        return [self.ok(*words, *more).event("eval")["test_loss"] for more in ([], ["--tta"])]

    def test_channels_stay_where_they_are(self):
        self.write_cifar(False)
        recipe = self.write("colours.yaml", COLOURS)
        self.ok("train", recipe, "--device", DEVICE, "--out", self.path("run"))
        plain, both = self.scores()
        os.remove(os.path.join(self.data, "cifar-10", "test_batch.bin"))
        self.write_cifar(True)
        turned, again = self.scores()
        self.assertNotEqual(plain, turned)
        self.assertEqual(both, again)


main()
