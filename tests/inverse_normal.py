#!/usr/bin/env python3
"""The table of docs/masks.md, "Gaussian noise", from its definition there. Standard library only.

Usage: inverse_normal.py header | document     (what kernels/inverse_normal.h and docs/masks.md hold)

Segment 8 z + k covers m 2^-31 in [1 + k/8, 1 + (k+1)/8): there -Phi^-1(m 2^-z 2^-33) is interpolated in the
position f, from -1/2 to 1/2, by the cubic through the four Chebyshev nodes cos((2i + 1) pi / 8) / 2."""

import struct
import sys
from math import cos, pi
from statistics import NormalDist

NODES = [cos((2 * i + 1) * pi / 8) / 2 for i in range(4)]


def upper(zeros, eighth, f):
    """-Phi^-1 at position f of a segment."""
    return -NormalDist().inv_cdf((1 + (eighth + f + 0.5) / 8) * 2.0 ** (-2 - zeros))


def cubic(zeros, eighth):
    """Coefficients of f^3, f^2, f, 1 in double: Newton's divided differences, multiplied out."""
    d = [upper(zeros, eighth, f) for f in NODES]
    for order in range(1, 4):
        for i in range(3, order - 1, -1):
            d[i] = (d[i] - d[i - 1]) / (NODES[i] - NODES[i - order])
    p = [d[3]]
    for i in (2, 1, 0):
        p = [a - NODES[i] * b for a, b in zip([0.0] + p, p + [0.0])]
        p[0] += d[i]
    return p[::-1]


def table():
    """256 rows of four float32."""
    rows = [cubic(zeros, eighth) for zeros in range(32) for eighth in range(8)]
    return [[struct.unpack("<f", struct.pack("<f", c))[0] for c in row] for row in rows]


def word(f):
    return format(struct.unpack("<I", struct.pack("<f", f))[0], "08x")


def c_float(f):
    """As C and OpenCL C spell it: 0x1.8p+1f."""
    mantissa, exponent = f.hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent + "f"


def main():
    rows = table()
    if sys.argv[1:] == ["header"]:
        for row in rows:
            print("    " + ", ".join(map(c_float, row)) + ",")
    elif sys.argv[1:] == ["document"]:
        for first in range(0, 256, 2):
            print("    " + "   ".join(f"{i:3d}  " + " ".join(map(word, rows[i])) for i in (first, first + 1)))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
