"""Augmented pictures recomputed from docs/masks.md alone: the order of the epoch, the draws, the pixels. What the
program fed to the network comes from `compare --dump`, on the C reference and on DROPCL_DEVICE."""

import os
import struct
import sys

from harness import DEVICE, Case, digits, main, read_tensors, write_mnist

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from masks import philox4x32  # noqa: E402

ROWS, SIDE, SEED = 18, 28, 0x1_0000_0007
RECIPE = """\
dropcl: 1
model:
  input: [28, 28, 1]
  layers:
    - dense: {units: 10}
train:
  dataset: mnist
  normalize: unit
  batch: %d
  epochs: 3
  seed: %d
  augment: {%s}
  optimizer: {sgd: {lr: 0.05}}
%s"""
SHUFFLE, AUGMENT = 7, 8


def word(domain, sample, step, element):
    counter = (element >> 2, sample, step, domain << 28)
    return philox4x32(counter, (SEED & 0xFFFFFFFF, SEED >> 32))[element & 3]


def order(epoch):
    return sorted(range(ROWS), key=lambda r: (philox_of_row(r, epoch), r))


def philox_of_row(row, epoch):
    """The shuffle's address: the row is the element, the sample is 0."""
    counter = (row >> 2, 0, epoch, SHUFFLE << 28)
    return philox4x32(counter, (SEED & 0xFFFFFFFF, SEED >> 32))[row & 3]


def draw(row, epoch, crop):
    def below(element, n):
        return word(AUGMENT, row, epoch, element) * n >> 32

    return below(0, 2 * crop + 1), below(1, 2 * crop + 1), below(2, 2), below(3, SIDE), below(4, SIDE)


def picture(pixels, row, epoch, crop, flip, cutout):
    """The bytes that should reach the network, None for zero."""
    top, left, mirrored, cy, cx = draw(row, epoch, crop)
    image = pixels[row * SIDE * SIDE : (row + 1) * SIDE * SIDE]
    padded = [[None] * (SIDE + 2 * crop) for _ in range(SIDE + 2 * crop)]
    for y in range(SIDE):
        padded[y + crop][crop : crop + SIDE] = image[y * SIDE : (y + 1) * SIDE]
    window = [line[left : left + SIDE] for line in padded[top : top + SIDE]]
    if flip and mirrored:
        window = [line[::-1] for line in window]
    for y in range(max(0, cy - cutout // 2), min(SIDE, cy - cutout // 2 + cutout)):
        for x in range(max(0, cx - cutout // 2), min(SIDE, cx - cutout // 2 + cutout)):
            window[y][x] = None
    return [pixel for line in window for pixel in line]


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


class Augment(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data, train=ROWS, test=4)
        self.pixels, _ = digits(ROWS, "train")

    def inputs(self, batch, augment, more=""):
        """Per step, per side: the network's input as a list of floats, micro-batches put together."""
        recipe = self.write("a.yaml", RECIPE % (batch, SEED, augment, more))
        dump = self.path("dump")
        steps = 3 * (ROWS // batch)
        self.ok("compare", recipe, "--devices", f"cpu,{DEVICE}", "--steps", steps, "--dump", dump)
        for step in range(steps):
            for side in "ab":
                found = read_tensors(os.path.join(dump, f"step-{step:06}-{side}.safetensors"))
                parts = [found[name][1] for name in sorted(found) if name.split("/")[-1] == "input"]
                raw = b"".join(parts)
                yield step, side, struct.unpack(f"<{len(raw) // 4}f", raw)

    def check(self, batch, crop, flip, cutout, more=""):
        augment = f"crop: {crop}, flip: {str(flip).lower()}, cutout: {cutout}"
        scale, per_epoch, seen = float32(1 / 255), ROWS // batch, 0
        for step, side, x in self.inputs(batch, augment, more):
            epoch, first = step // per_epoch, step % per_epoch * batch
            self.assertEqual(len(x), batch * SIDE * SIDE)
            for n, row in enumerate(order(epoch)[first : first + batch]):
                want = picture(self.pixels, row, epoch, crop, flip, cutout)
                want = [0.0 if byte is None else float32(byte * scale) for byte in want]
                got = list(x[n * SIDE * SIDE : (n + 1) * SIDE * SIDE])
                self.assertEqual(got, want, f"step {step}, side {side}, row {row}")
                seen += 1
        self.assertEqual(seen, 2 * 3 * per_epoch * batch)

    def test_all_of_it(self):
        self.check(6, 4, True, 9)

    def test_another_batch_sees_the_same_pictures(self):
        self.check(9, 4, True, 8)

    def test_micro_batches_see_the_same_pictures(self):
        self.check(6, 4, True, 8, "  micro_batch: 3\n")

    def test_each_alone(self):
        self.check(18, 3, False, 0)
        self.check(18, 0, True, 0)
        self.check(18, 0, False, 5)

    def test_draws_are_spread(self):
        """The recomputation above is only as good as its spread: 2000 rows in 3 epochs."""
        draws = [draw(row, epoch, 4) for row in range(2000) for epoch in range(3)]
        for column, values in ((0, 9), (1, 9), (2, 2), (3, SIDE), (4, SIDE)):
            counts = [0] * values
            for one in draws:
                counts[one[column]] += 1
            expected = len(draws) / values
            chi = sum((count - expected) ** 2 / expected for count in counts)
            # Mean `values - 1`, deviation sqrt(2 (values - 1)): six of them happen once in a thousand million.
            self.assertLess(chi, values - 1 + 6 * (2 * (values - 1)) ** 0.5, column)


main()
