#!/usr/bin/env python3
"""Masks from docs/masks.md alone, against `dropcl mask`.

Usage: masks.py DROPCL ROOT DEVICE...

Standard library only, and written from the document, not from the program: Philox, the address, the
threshold. Equality is paired with statistics of what the program printed, and the statistics are paired with
planted faults, because two equal wrong generators must not pass."""

import contextlib
import functools
import io
import os
import re
import struct
import subprocess
import sys
from fractions import Fraction
from math import exp, log, sqrt
from statistics import NormalDist

import inverse_normal

MASK32 = 0xFFFFFFFF
DOMAINS = {"dropout": 1, "mc": 9, "droppath": 4}


def philox4x32(counter, key):
    x, k = list(counter), list(key)
    for turn in range(10):
        if turn:  # the key moves between rounds only
            k[0] = (k[0] + 0x9E3779B9) & MASK32
            k[1] = (k[1] + 0xBB67AE85) & MASK32
        first, second = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
        x = [
            (second >> 32) ^ x[1] ^ k[0],
            second & MASK32,
            (first >> 32) ^ x[3] ^ k[1],
            first & MASK32,
        ]
    return x


def threshold(rate):
    """round_half_even(rate * 2^32), where rate is the double the text names. Exact: a double times a power of
    two is a double again."""
    return round(Fraction(float(rate)) * 2**32)


SPLITS = {None: 0, "test": 0, "train": 1, "user": 2}


def mask_rows(seed, layer, step, first, last, elements, rate, kind="dropout", split=None):
    limit = threshold(rate)
    key = (seed & MASK32, seed >> 32)
    word3 = (9 if split else DOMAINS[kind]) << 28 | layer << 16 | SPLITS[split] << 14
    rows = []
    for sample in range(first, last):
        row = []
        for block in range((elements + 3) // 4):
            row += philox4x32((block, sample, step, word3), key)
        rows.append("".join("0" if w < limit else "1" for w in row[:elements]))
    return rows


# ---- noise ----


def single(exact):
    """An exact number rounded to float32: half to even among the two neighbours."""
    near = struct.unpack("<f", struct.pack("<f", float(exact)))[0]  # rounded twice: at most one step off
    bits = struct.unpack("<i", struct.pack("<f", abs(near)))[0]
    around = [struct.unpack("<f", struct.pack("<i", b))[0] for b in (bits - 1, bits, bits + 1) if b >= 0]
    best = min(around, key=lambda x: (abs(Fraction(x) - abs(exact)), struct.pack("<f", x)[0] & 1))
    return best if exact >= 0 else -best


def fma(a, b, c):
    return single(Fraction(a) * Fraction(b) + Fraction(c))


def read_table(root):
    with open(f"{root}/docs/masks.md", encoding="utf-8") as file:
        text = file.read().split("<!-- the table of the inverse normal -->")[1]
    words = re.findall(r"(\d+)((?: +[0-9a-f]{8}){4})", text)[:256]
    assert [int(n) for n, _ in words] == list(range(256)), "the table has another order"
    return [[struct.unpack(">f", bytes.fromhex(c))[0] for c in row.split()] for _, row in words]


def normal(word, table):
    above = word >> 31
    odd = 2 * (word ^ MASK32 if above else word) + 1
    zeros = 32 - odd.bit_length()
    m = odd << zeros
    f = struct.unpack("<f", struct.pack("<I", 0x3F800000 | m >> 5 & 0x7FFFFF))[0] - 1.5
    c3, c2, c1, c0 = table[8 * zeros + (m >> 28 & 7)]
    y = fma(fma(fma(c3, f, c2), f, c1), f, c0)
    return y if above else -y


def noise_rows(table, seed, layer, step, first, last, elements, rate):
    sigma = single(Fraction(sqrt(float(rate) / (1 - float(rate)))))
    key, rows = (seed & MASK32, seed >> 32), []
    for sample in range(first, last):
        words = []
        for block in range((elements + 3) // 4):
            words += philox4x32((block, sample, step, 5 << 28 | layer << 16), key)
        rows.append([fma(sigma, normal(w, table), 1) for w in words[:elements]])
    return rows


NOISE_CASES = [
    # seed, layer, step, first, last, elements, rate
    (1, 0, 0, 0, 2, 67, "0.5"),
    (2**64 - 1, 4095, 2**32 - 1, 2**32 - 3, 2**32 - 1, 33, "0.2"),
    (7, 3, 1000, 5, 6, 1000, "0.9"),
    (7, 3, 1000, 5, 6, 5, "0"),
]


def check_noise(dropcl, root, device):
    table = read_table(root)
    for case in NOISE_CASES:
        rows = program_rows(dropcl, device, *case, "gaussian_dropout")
        theirs = [[float.fromhex(x) for x in row.split()] for row in rows]
        assert noise_rows(table, *case) == theirs, f"{device}: noise {case} differs from docs/masks.md"


# ---- gates of a learned rate ----


def around(x):
    """The nearest float32 and its two neighbours on either side."""
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    return [struct.unpack("<f", struct.pack("<I", bits + off))[0] for off in (0, 1, -1, 2, -2)]


def concrete_rows(e, seed, layer, step, first, last, elements, domain, split):
    inverse = single(Fraction(single(1 + Fraction(e))) / Fraction(e))

    def factor(word):
        above, below = (single(Fraction(w >> 8) + Fraction(1, 2)) for w in (word ^ MASK32, word))
        r = min(4096.0, single(Fraction(e) * Fraction(single(Fraction(above) / Fraction(below)))))
        r2 = single(Fraction(r) ** 2)
        r4 = single(Fraction(r2) ** 2)
        r10 = single(Fraction(single(Fraction(r4) ** 2)) * Fraction(r2))
        z = single(1 / Fraction(single(1 + Fraction(r10))))
        return single(Fraction(single(Fraction(r10) * Fraction(z))) * Fraction(inverse))

    key, rows = (seed & MASK32, seed >> 32), []
    for sample in range(first, last):
        words = []
        for block in range((elements + 3) // 4):
            words += philox4x32((block, sample, step, domain << 28 | layer << 16 | split << 14), key)
        rows.append([factor(w) for w in words[:elements]])
    return rows


CONCRETE_CASES = [
    # seed, layer, step, first, last, elements, rate
    (1, 0, 0, 0, 2, 67, "0.5"),
    (2**64 - 1, 4095, 2**32 - 1, 2**32 - 3, 2**32 - 1, 33, "0.2"),
    (7, 3, 1000, 5, 6, 300, "0.9"),
    (7, 3, 1000, 5, 6, 5, "1e-12"),  # l is held to [-20, 20]
    (7, 3, 1000, 5, 6, 5, "0.999999999999"),
    (3, 1, 2, 0, 1, 40, "0.0312"),
]


def check_concrete(dropcl, device):
    """Everything but exp is defined to the bit. The exp is within 1.03 units in the last place, so one of the five
    floats around the exact one gives all factors of a rate, which depend on it in every bit."""
    for more, domain, split in (((), 5, 0), (("--split", "train"), 13, 1)):
        for case in CONCRETE_CASES:
            p = float(case[6])
            logit = max(-20.0, min(20.0, single(Fraction(log(p / (1 - p))))))
            rows = program_rows(dropcl, device, *case, "concrete_dropout", more)
            theirs = [[float.fromhex(x) for x in row.split()] for row in rows]
            mine = (concrete_rows(e, *case[:6], domain, split) for e in around(exp(-logit)))
            assert theirs in mine, f"{device}: concrete_dropout {case} differs from docs/masks.md"


def check_inverse(root):
    """The table is what its definition makes (the last bit left open: libraries differ there), and is as near to
    the exact inverse as the document says, segment by segment."""
    table = read_table(root)
    for mine, theirs in zip(inverse_normal.table(), table):
        assert all(abs(a - b) <= 2**-23 * abs(a) for a, b in zip(mine, theirs)), "another table"
    for zeros in range(32):
        for place in range(64):
            odd = ((64 + place) << 25 >> zeros) | 1
            n = normal(odd >> 1, table)
            assert abs(n - NormalDist().inv_cdf(odd / 2**33)) < 6e-7, f"normal({odd >> 1}) = {n}"


# ---- channels and blocks ----


def decisions(seed, layer, step, sample, count, limit, split=None):
    """1 where an element's word is below the threshold: it drops."""
    key, words = (seed & MASK32, seed >> 32), []
    word3 = (9 if split else 1) << 28 | layer << 16 | SPLITS[split] << 14
    for block in range((count + 3) // 4):
        words += philox4x32((block, sample, step, word3), key)
    return [int(w < limit) for w in words[:count]]


def channel_rows(seed, layer, step, first, last, shape, rate, split=None):
    rows, channels = [], shape[-1]
    pixels = 1
    for axis in shape[:-1]:
        pixels *= axis
    for sample in range(first, last):
        drops = decisions(seed, layer, step, sample, channels, threshold(rate), split)
        rows.append("".join("01"[1 - d] for d in drops) * pixels)
    return rows


def covering(at, length, block):
    """Blocks inside 0 .. length - 1 that cover a position, counted one by one."""
    return sum(corner <= at < corner + block for corner in range(length - block + 1))


def kept_fraction(height, width, b_h, b_w, gamma):
    down = [covering(i, height, b_h) for i in range(height)]
    across = [covering(j, width, b_w) for j in range(width)]
    return sum((1 - gamma) ** (a * b) for a in down for b in across) / (height * width)


def gamma_of(height, width, size, rate, paper=False):
    b_h, b_w = min(size, height), min(size, width)
    if paper:
        corners = (height - b_h + 1) * (width - b_w + 1)
        return min(1.0, rate * height * width / (b_h * b_w * corners))
    low, high = 0.0, 1.0
    for _ in range(64):
        middle = (low + high) / 2
        if 1 - kept_fraction(height, width, b_h, b_w, middle) < rate:
            low = middle
        else:
            high = middle
    return high


def block_rows(seed, layer, step, first, last, shape, rate, size, gamma="exact", split=None):
    height, width, channels = shape
    b_h, b_w = min(size, height), min(size, width)
    g_h, g_w = height - b_h + 1, width - b_w + 1
    limit = threshold(gamma_of(height, width, size, float(rate), gamma == "paper"))
    rows = []
    for sample in range(first, last):
        kept = ["1"] * (height * width * channels)
        drops = decisions(seed, layer, step, sample, g_h * g_w * channels, limit, split)
        for corner, drop in enumerate(drops):
            if not drop:
                continue
            i, j, c = corner // channels // g_w, corner // channels % g_w, corner % channels
            for p in range(i, i + b_h):
                for q in range(j, j + b_w):
                    kept[(p * width + q) * channels + c] = "0"
        rows.append("".join(kept))
    return rows


# ---- weights: bit planes ----


def weight_rows(seed, layer, step, first, last, shape, rate, domain=3, split=0):
    """U of a weight from the planes that the document says are drawn; the rows of W, then the biases."""
    inputs, outputs = shape
    t8 = round(Fraction(float(rate)) * 256)
    lowest = (t8 & -t8).bit_length() - 1 if t8 else 8
    planes, blocks, key = 8 - lowest, (outputs + 127) // 128, (seed & MASK32, seed >> 32)
    rows = []
    for sample in range(first, last):
        row = ""
        for i in range(inputs + 1):
            for out in range(outputs):
                u = 0
                for plane in range(planes):
                    counter = (i * blocks + (out >> 7), sample, step, domain << 28 | layer << 16 | split << 14 | plane)
                    bit = out & 127
                    u |= (cached(counter, key)[bit >> 5] >> (bit & 31) & 1) << (7 - plane)
                row += "01"[u >= t8]
        rows.append(row)
    return rows


@functools.lru_cache(maxsize=64)
def cached(counter, key):
    return philox4x32(counter, key)


def program_rows(dropcl, device, seed, layer, step, first, last, elements, rate, kind="dropout", more=()):
    """elements: their number, or the axes of a sample."""
    command = [dropcl, "mask", "--seed", str(seed), "--layer", str(layer), "--step", str(step)]
    command += ["--samples", f"{first}:{last}", "--rate", str(rate), "--kind", kind, "--device", device]
    if isinstance(elements, tuple):
        command += ["--shape", ",".join(map(str, elements))]
    elif elements:
        command += ["--elements", str(elements)]
    command += map(str, more)
    # Nothing of the user's: compiled kernels are kept beside the program.
    cache = os.path.join(os.path.dirname(os.path.abspath(dropcl)), "cache")
    environment = dict(os.environ, XDG_CACHE_HOME=cache, DROPCL_TUNE="off")
    environment.pop("POCL_CACHE_DIR", None)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return done.stdout.split("\n")[:-1]


# Every field at its ends and inside; rates at both ends, halves of a threshold step, tiny ones; elements that
# fill no word, exactly one, one more, several; ranges of samples that start anywhere.
CASES = [
    # seed, layer, step, first, last, elements, rate, kind
    (1, 0, 0, 0, 4, 48, "0.5", "dropout"),
    (0, 0, 0, 0, 1, 1, "0.5", "dropout"),
    (0, 0, 0, 0, 1, 1, "0.4", "dropout"),
    (1, 1, 7, 0, 3, 31, "0.1", "dropout"),
    (1, 1, 7, 0, 3, 32, "0.1", "dropout"),
    (1, 1, 7, 0, 3, 33, "0.1", "dropout"),
    (2, 3, 1000, 5, 12, 127, "0.25", "dropout"),
    (2**32, 2, 9, 0, 2, 256, "0.9", "dropout"),
    (2**64 - 1, 4095, 2**32 - 1, 2**32 - 3, 2**32 - 1, 130, "0.3333333", "dropout"),
    (0x0123456789ABCDEF, 17, 468 * 20, 100, 128, 784, "0.2", "dropout"),
    (5, 0, 3, 0, 2, 4097, "0.5", "dropout"),
    (5, 0, 3, 0, 129, 3, "0.75", "dropout"),
    (9, 0, 0, 0, 2, 65, "0", "dropout"),
    (9, 0, 0, 0, 2, 65, "1", "dropout"),
    (9, 0, 0, 0, 16, 1024, "1e-9", "dropout"),
    (9, 0, 0, 0, 16, 1024, "0.9999999999", "dropout"),
    (9, 0, 0, 0, 2, 100, "1.1641532182693481e-10", "dropout"),  # half a step: rounds to T = 0
    (9, 1, 2, 9990, 10000, 64, "0.5", "mc"),
    (9, 1, 2**20, 0, 3, 500, "0.05", "mc"),
]


PATH_CASES = [
    # seed, layer, step, first, last, rate: one element a sample
    (1, 0, 0, 0, 64, "0.5"),
    (2**64 - 1, 4095, 2**32 - 1, 2**32 - 40, 2**32 - 1, "0.2"),
    (9, 3, 2, 0, 5, "0"),
    (9, 3, 2, 0, 5, "1"),
]

CHANNEL_CASES = [
    # seed, layer, step, first, last, axes, rate
    (1, 0, 0, 0, 4, (6, 7, 5), "0.5"),
    (2**64 - 1, 4095, 2**32 - 1, 2**32 - 3, 2**32 - 1, (3, 2, 17), "0.3"),
    (7, 3, 1000, 5, 9, (28, 32), "0.2"),
    (7, 3, 1000, 5, 9, (5, 3), "0.9"),
    (9, 1, 2, 0, 3, (2, 2, 16), "0"),
    (9, 1, 2, 0, 3, (2, 2, 16), "1"),
]

BLOCK_CASES = [
    # seed, layer, step, first, last, axes, rate, size, gamma
    (1, 0, 0, 0, 3, (14, 14, 3), "0.1", 7, "exact"),
    (1, 0, 0, 0, 3, (14, 14, 3), "0.1", 7, "paper"),
    (2**33 + 5, 9, 77, 100, 102, (9, 5, 16), "0.25", 4, "exact"),
    (5, 2, 3, 0, 2, (4, 11, 7), "0.3", 5, "exact"),
    (5, 2, 3, 0, 2, (11, 4, 32), "0.3", 2, "exact"),
    (5, 2, 3, 0, 2, (6, 5, 5), "0.4", 1, "exact"),
    (5, 2, 3, 0, 2, (3, 5, 9), "0.4", 9, "exact"),
    (5, 2, 3, 0, 2, (6, 5, 5), "0", 3, "exact"),
    (5, 2, 3, 0, 2, (6, 5, 5), "1", 3, "exact"),
    (5, 2, 2**20, 8, 9, (32, 32, 8), "0.2", 5, "exact"),
]


WEIGHT_CASES = [
    # seed, layer, step, first, last, (inputs, outputs), rate
    (1, 0, 0, 0, 3, (9, 5), "0.5"),
    (1, 0, 0, 0, 2, (9, 5), "0.2"),
    (2**64 - 1, 4095, 2**32 - 1, 2**32 - 3, 2**32 - 1, (3, 17), "0.75"),
    (7, 3, 1000, 5, 8, (33, 130), "0.3"),
    (7, 3, 1000, 5, 6, (8, 257), "0.5"),
    (2**33 + 5, 9, 77, 100, 102, (40, 31), "0.01"),
    (5, 2, 3, 0, 2, (7, 32), "0.99609375"),  # 255 of 256
    (5, 2, 3, 0, 2, (7, 32), "0.001953125"),  # half of 1/256: rounds to 0, the even one
    (5, 2, 3, 0, 2, (7, 32), "0.005859375"),  # one and a half: rounds to 2
    (5, 2, 3, 0, 2, (7, 33), "0"),
    (5, 2, 3, 0, 2, (7, 33), "1"),
]


def check_weight_cases(dropcl, device):
    for case in WEIGHT_CASES:
        theirs = program_rows(dropcl, device, *case, "dropconnect")
        assert weight_rows(*case) == theirs, f"{device}: dropconnect {case} differs from docs/masks.md"
    case = (1, 2, 3, 9990, 9992, (5, 40), "0.2")
    theirs = program_rows(dropcl, device, *case, "dropconnect", ("--split", "train"))
    assert weight_rows(*case, 11, 1) == theirs, f"{device}: dropconnect in Monte-Carlo evaluation"


def check_weight_statistics(dropcl, device):
    """64 samples of 31 x 64 weights and 64 biases, at a rate of four planes: 0.3125 = 80/256."""
    rate, shape = 0.3125, (31, 64)

    def rows(seed=3, layer=2, step=5):
        return program_rows(dropcl, device, seed, layer, step, 0, 64, shape, rate, "dropconnect")

    base = rows()
    found = {
        "keep rate": z_keep_rate(base, rate),
        "keep rate of the biases": z_keep_rate([r[-64:] for r in base], rate),
        "per weight": z_per_element(base, rate),
        "four neighbours": z_neighbours(base, rate),
        "next output": z_correlation([r[1:] for r in base], [r[:-1] for r in base], rate),
        "next input": z_correlation([r[64:] for r in base], [r[:-64] for r in base], rate),
        "next sample": z_correlation(base[1:], base[:-1], rate),
        "next seed": z_correlation(base, rows(seed=4), rate),
        "next layer": z_correlation(base, rows(layer=3), rate),
        "next step": z_correlation(base, rows(step=6), rate),
    }
    for name, z in found.items():
        assert z < LIMIT, f"{device}: weights: {name}: {z:.1f} standard deviations from independence"


def check_structured_cases(dropcl, device):
    for case in PATH_CASES:
        mine = mask_rows(*case[:5], 1, case[5], "droppath")
        assert mine == program_rows(dropcl, device, *case[:5], None, case[5], "droppath"), f"{device}: droppath {case}"
    for case in CHANNEL_CASES:
        kind = "dropout2d" if len(case[5]) == 3 else "dropout1d"
        assert channel_rows(*case) == program_rows(dropcl, device, *case, kind), f"{device}: {kind} {case}"
    for case in BLOCK_CASES:
        more = ("--size", case[7], "--gamma", case[8])
        theirs = program_rows(dropcl, device, *case[:7], "dropblock", more)
        assert block_rows(*case) == theirs, f"{device}: dropblock {case} differs from docs/masks.md"


def check_splits(dropcl, device):
    """Masks of Monte-Carlo evaluation, of every kind, over the rows of each split."""
    where = (2**40 + 3, 5, 17, 4090, 4100)
    for split in ("test", "train", "user"):
        more = ("--split", split)
        theirs = program_rows(dropcl, device, *where, 77, "0.4", "dropout", more)
        assert mask_rows(*where, 77, "0.4", split=split) == theirs, f"{device}: dropout, {split}"
        theirs = program_rows(dropcl, device, *where, (3, 2, 9), "0.4", "dropout2d", more)
        assert channel_rows(*where, (3, 2, 9), "0.4", split) == theirs, f"{device}: dropout2d, {split}"
        theirs = program_rows(dropcl, device, *where, (5, 4, 3), "0.4", "dropblock", ("--size", 2, *more))
        assert block_rows(*where, (5, 4, 3), "0.4", 2, split=split) == theirs, f"{device}: dropblock, {split}"
    mc = program_rows(dropcl, device, *where, 77, "0.4", "mc")
    test = program_rows(dropcl, device, *where, 77, "0.4", "dropout", ("--split", "test"))
    assert mc == test, f"{device}: --kind mc is dropout with --split test"


def check_limits(dropcl, device):
    """Blocks of 1 are dropout and one block over the map is dropout2d, bit for bit."""
    where = (11, 4, 6, 2, 6)
    ones = program_rows(dropcl, device, *where, (4, 5, 6), "0.3", "dropblock", ("--size", 1))
    assert ones == program_rows(dropcl, device, *where, 120, "0.3"), f"{device}: blocks of 1"
    whole = program_rows(dropcl, device, *where, (4, 5, 6), "0.3", "dropblock", ("--size", 5))
    assert whole == program_rows(dropcl, device, *where, (4, 5, 6), "0.3", "dropout2d"), f"{device}: a whole map"


def check_gamma():
    """The numbers of the document."""
    assert abs(gamma_of(14, 14, 7, 0.1, paper=True) - 0.006250) < 5e-7
    assert abs(1 - kept_fraction(14, 14, 7, 7, 0.00625) - 0.0929) < 5e-5
    assert abs(gamma_of(14, 14, 7, 0.1) - 0.006764) < 5e-7


def check_dropped_fraction(dropcl, device):
    """A map's dropped fraction has a standard deviation of at most sqrt(rate (1 - rate)) = 0.46; 2048 maps."""
    rows = program_rows(dropcl, device, 3, 1, 2, 0, 64, (9, 8, 32), "0.3", "dropblock", ("--size", 3))
    dropped = sum(row.count("0") for row in rows) / (len(rows) * len(rows[0]))
    assert abs(dropped - 0.3) < LIMIT * 0.46 / sqrt(2048), f"{device}: dropblock drops {dropped}"


def check_cases(dropcl, device):
    for case in CASES:
        mine, theirs = mask_rows(*case), program_rows(dropcl, device, *case)
        assert mine == theirs, f"{device}: mask {case} differs from docs/masks.md:\n{mine}\n{theirs}"


def check_known_answers():
    known = [
        ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff " * 4, "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ]
    for counter, key, output in known:
        got = philox4x32(*([int(w, 16) for w in text.split()] for text in (counter, key)))
        assert got == [int(w, 16) for w in output.split()], f"Philox known answer: {got}"


def check_document(root):
    """The Python of the document prints what the document says it prints, and agrees with this script."""
    with open(f"{root}/docs/masks.md", encoding="utf-8") as file:
        page = file.read()
    code = re.search(r"```python\n(.*?)```", page, re.S).group(1)
    printed = re.search(r"--rate 0\.5` prints:\n\n```\n(.*?)```", page, re.S).group(1)
    out, names = io.StringIO(), {}
    with contextlib.redirect_stdout(out):
        exec(code, names)  # pylint: disable=exec-used
    assert out.getvalue() == printed, "docs/masks.md: the example prints something else"
    assert out.getvalue().split() == mask_rows(1, 0, 0, 0, 4, 48, "0.5"), "docs/masks.md differs from this script"


# ---- statistics: each returns |z|, the distance from what independence predicts in standard deviations ----


def z_of_chi_square(chi, freedom):
    return abs(chi - freedom) / sqrt(2 * freedom)


def z_keep_rate(rows, rate):
    n = len(rows) * len(rows[0])
    kept = sum(row.count("1") for row in rows)
    return abs(kept - n * (1 - rate)) / sqrt(n * rate * (1 - rate))


def z_per_element(rows, rate):
    expected = len(rows) * (1 - rate)
    chi = sum((sum(c == "1" for c in column) - expected) ** 2 for column in zip(*rows)) / (expected * rate)
    return z_of_chi_square(chi, len(rows[0]))


def z_neighbours(rows, rate):
    """The 16 patterns of four neighbours, at every offset of the group of four."""
    worst = 0
    for offset in range(4):
        counts, total = {}, 0
        for row in rows:
            for i in range(offset, len(row) - 3, 4):
                counts[row[i : i + 4]] = counts.get(row[i : i + 4], 0) + 1
                total += 1
        chi = 0
        for pattern in range(16):
            text = format(pattern, "04b")
            ones = text.count("1")
            expected = total * (1 - rate) ** ones * rate ** (4 - ones)
            chi += (counts.get(text, 0) - expected) ** 2 / expected
        worst = max(worst, z_of_chi_square(chi, 15))
    return worst


def z_correlation(a, b, rate):
    """Two masks that should have nothing to do with each other."""
    a, b = "".join(a), "".join(b)
    both = bin(int(a, 2) & int(b, 2)).count("1")
    p = (1 - rate) ** 2
    return abs(both - len(a) * p) / sqrt(len(a) * p * (1 - p))


# The masks are fixed, so these numbers are too. About 20 of them below are looked at for each device: the
# largest of that many standard normal deviates exceeds 4.5 once in 7000 generators that are right, while the
# planted faults reach hundreds.
LIMIT = 4.5


def check_statistics(dropcl, device):
    rate, samples, elements = 0.3, 128, 2048

    def rows(seed=3, layer=2, step=5, first=0):
        return program_rows(dropcl, device, seed, layer, step, first, first + samples, elements, rate)

    base = rows()
    found = {
        "keep rate": z_keep_rate(base, rate),
        "per element": z_per_element(base, rate),
        "four neighbours": z_neighbours(base, rate),
        "next element": z_correlation([r[1:] for r in base], [r[:-1] for r in base], rate),
        "element 4 on": z_correlation([r[4:] for r in base], [r[:-4] for r in base], rate),
        "next sample": z_correlation(base[1:], base[:-1], rate),
        "next seed": z_correlation(base, rows(seed=4), rate),
        "seed 2^32 on": z_correlation(base, rows(seed=3 + 2**32), rate),
        "next layer": z_correlation(base, rows(layer=3), rate),
        "next step": z_correlation(base, rows(step=6), rate),
        "next step, sample before": z_correlation(base[1:], rows(step=6)[:-1], rate),
    }
    for name, z in found.items():
        assert z < LIMIT, f"{device}: {name}: {z:.1f} standard deviations from independence"
    assert rows(first=samples // 2)[: samples // 2] == base[samples // 2 :], "a sample's mask depends on the range"


def check_nested(dropcl, device):
    """Raising the rate only drops more."""
    kept = None
    for rate in ("0.1", "0.3", "0.5", "0.8"):
        now = int("".join(program_rows(dropcl, device, 7, 0, 0, 0, 8, 512, rate)), 2)
        assert kept is None or (now & ~kept) == 0, f"{device}: rate {rate} keeps what a lower rate dropped"
        kept = now


def check_planted_faults():
    """The statistics see the faults they are for."""
    rate = 0.3
    good = mask_rows(3, 2, 5, 0, 32, 512, rate)
    good_step = mask_rows(3, 2, 6, 0, 32, 512, rate)
    one_word = ["".join(c * 4 for c in row[::4]) for row in good]
    off_rate = mask_rows(3, 2, 5, 0, 32, 512, 0.35)
    one_mask = [good[0]] * 32
    assert z_neighbours(good, rate) < LIMIT < z_neighbours(one_word, rate), "one word for four neighbours"
    assert z_keep_rate(good, rate) < LIMIT < z_keep_rate(off_rate, rate), "another rate"
    assert z_per_element(good, rate) < LIMIT < z_per_element(one_mask, rate), "one mask for all samples"
    assert z_correlation(good, good_step, rate) < LIMIT < z_correlation(good, good, rate), "one mask for the run"


def main():
    dropcl, root, devices = sys.argv[1], sys.argv[2], sys.argv[3:]
    assert devices, "name at least one device"
    check_known_answers()
    check_document(root)
    check_planted_faults()
    check_gamma()
    check_inverse(root)
    for device in devices:
        check_cases(dropcl, device)
        check_structured_cases(dropcl, device)
        check_noise(dropcl, root, device)
        check_concrete(dropcl, device)
        check_weight_cases(dropcl, device)
        check_weight_statistics(dropcl, device)
        check_limits(dropcl, device)
        check_splits(dropcl, device)
        check_dropped_fraction(dropcl, device)
        check_nested(dropcl, device)
        check_statistics(dropcl, device)
        lists = (CASES, PATH_CASES, NOISE_CASES, CONCRETE_CASES, CHANNEL_CASES, BLOCK_CASES, WEIGHT_CASES)
        print(f"{device}: {sum(map(len, lists))} masks as docs/masks.md says, statistics within {LIMIT} deviations")


if __name__ == "__main__":
    main()
