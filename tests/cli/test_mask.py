"""dropcl mask: the hash and the picture hold the bits that it prints, for every kind."""

import hashlib
import math
import os
import struct

from harness import DEVICE, Case, decode, main

WHERE = "--seed 9 --layer 2 --step 5 --rate 0.4".split()

# kind, samples, options; (across, down, channels) of a sample, None: a square of all its elements
KINDS = [
    ("dropout", 7, ["--elements", 45], (45, 1, 1)),
    ("dropout", 3, ["--elements", 45, "--split", "train"], (45, 1, 1)),
    ("alpha_dropout", 5, ["--elements", 600], (600, 1, 1)),
    ("mc", 4, ["--elements", 9], (9, 1, 1)),
    ("dropout", 3, ["--elements", 2050], None),
    ("droppath", 11, [], (1, 1, 1)),
    ("dropout1d", 5, ["--shape", "6,9"], (9, 6, 1)),
    ("dropout2d", 4, ["--shape", "5,7,3"], (7, 5, 3)),
    ("dropout2d", 3, ["--shape", "2,3,13"], (3, 2, 13)),
    ("dropblock", 2, ["--shape", "14,11,6", "--size", 3], (11, 14, 6)),
    ("dropconnect", 3, ["--shape", "8,21"], (21, 9, 1)),
    ("gaussian_dropout", 6, ["--elements", 70], (70, 1, 1)),
    ("concrete_dropout", 2, ["--elements", 2060], None),
]


NOISE = ("gaussian_dropout", "concrete_dropout")


def square(count, width, height, gap):
    """The fewest columns that make it at least as wide as high."""
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        if columns * (width + gap) >= rows * (height + gap):
            return columns
    return count


def picture(samples, shape, scale):
    """docs/masks.md once more: greys[sample][element] to rows of pixels."""
    elements = len(samples[0])
    tall = shape and shape[1:] == (1, 1) and shape[0] > 1  # samples are rows
    across, down, channels = shape or (math.isqrt(elements - 1) + 1, 0, 1)
    down = down or -(-elements // across)
    wide, high = across * scale, down * scale
    columns = channels if channels <= 4 else square(channels, wide, high, 1)
    one = (columns * (wide + 1) - 1, -(-channels // columns) * (high + 1) - 1)
    gap = 0 if tall else 4 if channels > 1 else 1
    row = 1 if tall else square(len(samples), *one, gap)
    size = (row * (one[0] + gap) - gap, -(-len(samples) // row) * (one[1] + gap) - gap)
    pixels = [bytearray([128]) * size[0] for _ in range(size[1])]
    for s, greys in enumerate(samples):
        left, top = s % row * (one[0] + gap), s // row * (one[1] + gap)
        for e, grey in enumerate(greys):
            c, p = e % channels, e // channels
            x = left + c % columns * (wide + 1) + p % across * scale
            y = top + c // columns * (high + 1) + p // across * scale
            for line in pixels[y : y + scale]:
                line[x : x + scale] = bytes([grey]) * scale
    return [bytes(line) for line in pixels]


class Masks(Case):
    def mask(self, kind, samples, words, *more):
        return self.ok("mask", *WHERE, "--kind", kind, "--samples", f"3:{3 + samples}", *words, "--device", DEVICE, *more)

    def test_the_hash_is_of_what_is_printed(self):
        for kind, samples, words, _ in KINDS:
            with self.subTest(kind=kind, words=words):
                rows = self.mask(kind, samples, words).out.split("\n")[:-1]
                got = self.mask(kind, samples, words, "--sha256").out
                if kind in NOISE:
                    factors = [float.fromhex(word) for row in rows for word in row.split()]
                    body = struct.pack(f"<{len(factors)}f", *factors)
                    off = math.sqrt(sum((f - 1) ** 2 for f in factors) / len(factors))
                    told = f"{len(factors)} elements, mean {sum(factors) / len(factors):.6f}, deviation from 1 {off:.6f}"
                else:
                    body = bytes(int(bit) for bit in "".join(rows))
                    told = f"{len(body)} elements, {sum(body)} kept ({sum(body) / len(body):.6f})"
                self.assertEqual(got, f"{hashlib.sha256(body).hexdigest()}  {told}\n")

    def test_a_hash_over_several_blocks(self):
        """5 samples of 2^20 elements and a few: more than are made at once."""
        words = ("dropout", 5, ["--elements", 2**20 + 7])
        body = bytes(int(bit) for bit in self.mask(*words).out.replace("\n", ""))
        self.assertEqual(self.mask(*words, "--sha256").out.split()[0], hashlib.sha256(body).hexdigest())

    def test_the_picture_shows_what_is_printed(self):
        for kind, samples, words, shape in KINDS:
            with self.subTest(kind=kind, words=words):
                rows = self.mask(kind, samples, words).out.split("\n")[:-1]
                told = self.mask(kind, samples, words, "--png", self.path("m.png")).out
                if kind in NOISE:
                    factors = [[min(2, max(0, float.fromhex(word))) for word in row.split()] for row in rows]
                    greys = [[int(127.5 * f + 0.5) for f in row] for row in factors]
                else:
                    greys = [[240 if bit == "1" else 28 for bit in row] for row in rows]
                sizes = [(scale, picture(greys, shape, scale)) for scale in range(16, 0, -1)]
                scale, expected = next(
                    ((s, p) for s, p in sizes if max(len(p), len(p[0])) <= 1024), sizes[-1]
                )  # fmt: skip
                self.assertEqual(decode(self.read("m.png")), expected)
                channels = shape[2] if shape else 1
                self.assertEqual(
                    told,
                    f"{self.path('m.png')}  {len(expected[0])} x {len(expected)} pixels, "
                    f"samples {samples}, tiles of each {channels}, scale {scale}\n",
                )

    def test_both_at_once_print_no_masks(self):
        out = self.mask(*KINDS[0][:3], "--sha256", "--png", self.path("m.png")).out.splitlines()
        self.assertEqual(len(out), 2)
        self.assertEqual(out[0] + "\n", self.mask(*KINDS[0][:3], "--sha256").out)

    def test_masks_of_alpha_dropout_are_those_of_dropout(self):
        first, second = (self.mask(kind, 3, ["--elements", 77]).out for kind in ("dropout", "alpha_dropout"))
        self.assertEqual(first, second)

    def test_pictures_have_a_limit(self):
        words = ["mask", *WHERE, "--elements", 2000, "--device", DEVICE, "--png", self.path("m.png"), "--samples"]
        self.refused(64, *words, "0:8193", says="larger than 8192 x 8192")
        self.refused(64, *words, "0:4294967295", "--kind", "gaussian_dropout", says="larger than 8192 x 8192")
        self.assertFalse(os.path.exists(self.path("m.png")))
        self.ok(*words, "0:8192")

    def test_a_picture_that_cannot_be_written(self):
        words = ["mask", *WHERE, "--elements", 8, "--samples", "0:2", "--device", DEVICE]
        self.refused(73, *words, "--png", self.path("none", "m.png"), says="cannot create")


main()
