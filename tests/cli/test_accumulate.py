"""Gradient accumulation in convolutional networks. A batch of 128 in one piece, in 2 x 64 and in 4 x 32: every mask
and every number that belongs to one sample is the same bit for bit, forward and backward, and the summed gradient the
same but for the order of its sums. With batch norm the pieces have statistics of their own; then training still learns,
and gives one parameters_sha256 on every device."""

import math
import os
import struct

from harness import DEVICE, Case, main, read_tensors, write_mnist

BATCH = 128

# Every kind of mask, forward and backward, with and without a ReLU before it. The rate is 0 as a float: weights stand
# still, so that the second step (other masks, another part of the epoch) is as comparable as the first.
PLAIN = """\
dropcl: 1
model:
  name: plain
  input: [28, 28, 1]
  layers:
    - conv:      {filters: 8, kernel: 5, stride: 2, pad: same, activation: relu}
    - dropblock: {rate: 0.2, size: 3}
    - residual:
        body:
          - conv:      {filters: 12, kernel: 3, stride: 2, pad: same}
          - dropout2d: {rate: 0.25}
          - conv:      {filters: 12, kernel: 3, pad: same, depthwise: true, bias: false}
          - dropblock: {rate: 0.1, size: 2, normalize: sample}
        shortcut:
          - conv:      {filters: 12, kernel: 1, stride: 2, bias: false}
    - maxpool:   {size: 2}
    - dropout:   {rate: 0.5}
    - dense:     {units: 16, activation: tanh}
    - dense:     {units: 10}
train:
  dataset: mnist
  batch: 128
  epochs: 1
  seed: 3
  augment: {crop: 2, flip: true, cutout: 5}
  optimizer: {sgd: {lr: 1e-60}}
"""

# Steps whose values are drawn: all of them must have been looked at.
MASKED = {
    "dropblock1.dropblock", "dropout2d1.dropout2d", "dropblock2.dropblock", "dropout1.dropout",
    "dropblock2.dropblock_grad", "dropout2d1.dropout2d_grad", "dropout1.dropout_grad",
}  # fmt: skip

NORMED = """\
dropcl: 1
model:
  name: normed
  input: [28, 28, 1]
  layers:
    - conv:      {filters: 8, kernel: 5, stride: 2, pad: same, bias: false}
    - batchnorm
    - relu
    - dropblock: {rate: 0.1, size: 3, schedule: {linear: {from: 0, over: 0.8}}}
    - residual:
        activation: relu
        body:
          - conv:      {filters: 12, kernel: 3, stride: 2, pad: same, bias: false}
          - batchnorm
          - dropout2d: {rate: 0.1}
          - relu
          - conv:      {filters: 12, kernel: 3, pad: same, depthwise: true}
          - batchnorm
        shortcut:
          - conv:      {filters: 12, kernel: 1, stride: 2, bias: false}
          - batchnorm
    - avgpool:   {size: [1, 7]}
    - dropout:   {rate: 0.2}
    - dense:     {units: 10}
train:
  dataset: mnist
  loss: {cross_entropy: {smoothing: 0.1}}
  augment: {crop: 1, flip: true}
  batch: 64
  epochs: 6
  seed: 4
  ema: 0.9
  optimizer: {sgd: {lr: 0.1, momentum: 0.9, weight_decay: 1e-4}}
"""


def samples(tensors, micro):
    """{name: bytes of the batch's BATCH samples} of all tensors whose first axis is the (micro-)batch."""
    if micro == BATCH:
        return {name: raw for name, (shape, raw) in tensors.items() if shape[0] == BATCH}
    found = {}
    for part in range(BATCH // micro):
        for name, (shape, raw) in tensors.items():
            where, _, name = name.partition("/")
            if where == f"micro{part}" and shape[0] == micro:
                found[name] = found.get(name, b"") + raw
    return found


def gradient(tensors, micro):
    """Of the whole batch, all parameters in one list; the last part's turn is when the sum is complete."""
    _, raw = tensors["gradients" if micro == BATCH else f"micro{BATCH // micro - 1}/gradients"]
    return struct.unpack(f"<{len(raw) // 4}f", raw)


class Plain(Case):
    STEPS = 2

    def dumps(self, micro):
        """The dumps of every step and side of a run in parts of `micro`; `compare` itself judges each mask."""
        words = [] if micro == BATCH else ["--set", f"train.micro_batch={micro}"]
        folder = self.path(f"dump{micro}")
        self.ok("compare", self.recipe, "--devices", f"cpu,{DEVICE}", "--steps", self.STEPS, "--dump", folder, *words)
        names = [f"step-{step:06}-{side}.safetensors" for step in range(self.STEPS) for side in "ab"]
        return [read_tensors(os.path.join(folder, name)) for name in names]

    def test_parts_of_a_batch_change_only_the_order_of_sums(self):
        write_mnist(self.data, train=2 * BATCH, test=8)
        self.recipe = self.write("plain.yaml", PLAIN)
        whole = self.dumps(BATCH)
        for micro in (64, 32):
            for one, parts in zip(whole, self.dumps(micro)):
                want, got = samples(one, BATCH), samples(parts, micro)
                self.assertLessEqual(MASKED | {"input", "label", "logits.grad"}, set(want))
                self.assertEqual(set(want), set(got))
                for name in want:
                    self.assertTrue(want[name] == got[name], f"{name} in parts of {micro}")
                a, b = gradient(one, BATCH), gradient(parts, micro)
                gap = math.dist(a, b) / math.hypot(*a)
                self.assertLess(gap, 1e-6, f"gradient in parts of {micro}")
                self.assertGreater(gap, 0, "not one sum was cut: this shows nothing")
        first, second = samples(whole[0], BATCH), samples(whole[2], BATCH)
        for name in MASKED:
            self.assertTrue(first[name] != second[name], name)


class Normed(Case):
    def end(self, *words, device="cpu", **environment):
        done = self.ok("train", self.recipe, "--device", device, "--out", self.path("run"), "--force", "--json",
                       *words, **environment)  # fmt: skip
        epochs = [line for line in done.lines() if line["event"] == "epoch"]
        return epochs, done.event("end")

    def test_batch_norm_average_smoothing_and_augmentation_in_parts(self):
        write_mnist(self.data, train=512, test=256)
        self.recipe = self.write("normed.yaml", NORMED)
        hashes = set()
        for micro in (64, 32, 16):
            words = ("--set", f"train.micro_batch={micro}")
            epochs, end = self.end(*words)
            self.assertLess(epochs[-1]["train_loss"], epochs[0]["train_loss"] - 0.2, micro)
            self.assertGreater(end["test_accuracy"], 0.5, f"chance is 0.1; parts of {micro}")
            for environment in ({}, {"DROPCL_FAMILY": "gpu"})[: 1 + (micro == 16)]:
                _, other = self.end(*words, device=DEVICE, **environment)
                self.assertEqual(end["parameters_sha256"], other["parameters_sha256"], (micro, environment))
                self.assertEqual(end["test_loss"], other["test_loss"], (micro, environment))
            hashes.add(end["parameters_sha256"])
        self.assertEqual(len(hashes), 3, "statistics are those of a part")


main()
