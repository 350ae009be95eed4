"""What the command line tests share: running dropcl as a user would, tiny datasets, tiny recipes.

Every test module is a unittest program; DROPCL names the program, DROPCL_DEVICE the device to train on
(default cpu, the C reference). Nothing here reads or writes the user's own files: each test has a fresh folder,
DROPCL_DATA points into it, and compiled kernels are kept beside the program. The tuner is off, so that what runs
does not depend on what an earlier run has timed."""

import gzip
import json
import os
import random
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

DROPCL = os.path.abspath(os.environ.get("DROPCL", "build/release/dropcl"))
DEVICE = os.environ.get("DROPCL_DEVICE", "cpu")
CACHE = os.path.join(os.path.dirname(DROPCL), "cache")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

RECIPE = """\
dropcl: 1
model:
  name: tiny
  input: [28, 28, 1]
  layers:
    - dense:   {name: fc1, units: 24, activation: relu}
    - dropout: {rate: 0.5}
    - dense:   {name: fc2, units: 10}
train:
  dataset: mnist
  batch: 32
  epochs: 2
  seed: 1
  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}
"""

IMAGES, LABELS = 0x00000803, 0x00000801
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def idx(magic, shape, body):
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + body


def digits(rows, seed):
    """Pictures that a tiny network can learn: class k lights two bands of rows, under noise."""
    dice = random.Random(seed)
    labels = bytes(dice.randrange(10) for _ in range(rows))
    pictures = bytearray()
    for label in labels:
        picture = bytearray(dice.randrange(150) for _ in range(784))
        for row in (2 * label + 3, 2 * label + 6):
            for column in range(4, 24):
                picture[row * 28 + column] = dice.randrange(60, 256)
        pictures += picture
    return bytes(pictures), labels


def write_mnist(folder, train=512, test=128, gz=False):
    """A dataset in MNIST's files, in FOLDER/mnist."""
    home = os.path.join(folder, "mnist")
    os.makedirs(home, exist_ok=True)
    for split, rows in (("train", train), ("test", test)):
        pictures, labels = digits(rows, split)
        parts = (idx(IMAGES, (rows, 28, 28), pictures), idx(LABELS, (rows,), labels))
        for name, content in zip(FILES[split], parts):
            path = os.path.join(home, name)
            if gz:
                with gzip.GzipFile(path + ".gz", "wb", mtime=0) as file:
                    file.write(content)
            else:
                with open(path, "wb") as file:
                    file.write(content)
    return home


def decode(png):
    """Rows of bytes of an 8-bit PNG, grey or RGB (its filters undone)."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(name + body)
        parts[name] = parts.get(name, b"") + body
        at += 12 + size
    width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert (depth, interlace) == (8, 0) and color in (0, 2), "neither 8-bit grey nor RGB"
    step = 3 if color else 1
    data, rows, size = zlib.decompress(parts[b"IDAT"]), [], width * step
    above = bytes(size)
    for y in range(height):
        kind, line = data[y * (size + 1)], bytearray(data[y * (size + 1) + 1 : (y + 1) * (size + 1)])
        for x in range(size):
            a, b, c = (line[x - step] if x >= step else 0), above[x], (above[x - step] if x >= step else 0)
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        above = bytes(line)
        rows.append(above)
    return rows


def split_tensors(whole):
    """The header and the body of a safetensors file."""
    size = struct.unpack("<Q", whole[:8])[0]
    return json.loads(whole[8 : 8 + size]), whole[8 + size :]


def join_tensors(header, body):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def read_tensors(path):
    """{name: (shape, bytes)} of a safetensors file."""
    with open(path, "rb") as file:
        header, body = split_tensors(file.read())
    header.pop("__metadata__", None)
    return {name: (about["shape"], body[slice(*about["data_offsets"])]) for name, about in header.items()}


JSON_TYPES = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "list": list,
    "null": type(None),
}


def documented(command):
    """{event: {field: type text}} of the section `dropcl COMMAND` of docs/json.md."""
    with open(os.path.join(ROOT, "docs", "json.md"), encoding="utf-8") as page:
        section = page.read().split(f"\n## dropcl {command}\n")[1].split("\n## ")[0]
    events = {}
    for part in re.split(r"^### ", section, flags=re.MULTILINE)[1:]:
        fields = re.findall(r"^\| `(\w+)` \| ([a-z ]+) \|", part, flags=re.MULTILINE)
        events[re.match(r"`(\w+)`", part)[1]] = {"event": "text", "schema": "integer", **dict(fields)}
    return events


class Done:
    """A finished command."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def lines(self):
        return [json.loads(line, parse_constant=self.refuse) for line in self.out.splitlines()]

    @staticmethod
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    def event(self, name):
        found = [line for line in self.lines() if line["event"] == name]
        assert found, f"no event {name} in {self.out!r}"
        return found[-1]

    def __str__(self):
        return f"{' '.join(self.command)}\nexit {self.code}\nstdout: {self.out}\nstderr: {self.err}"


class Case(unittest.TestCase):
    """A test with a folder of its own, a tiny MNIST in it and a recipe."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dropcl-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "data")
        os.makedirs(self.data)
        self.recipe = self.write("tiny.yaml", RECIPE)
        self.environment = dict(os.environ, DROPCL_DATA=self.data, TERM="dumb")
        self.environment.update(XDG_CACHE_HOME=CACHE, DROPCL_TUNE="off")
        self.environment["XDG_DATA_HOME"] = os.path.join(self.folder, "share")
        for name in ("DROPCL_FAMILY", "POCL_CACHE_DIR", "POCL_MEMORY_LIMIT", "NO_COLOR"):
            self.environment.pop(name, None)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, content):
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(self.path(name), mode) as file:
            file.write(content)
        return self.path(name)

    def read(self, *names):
        with open(self.path(*names), "rb") as file:
            return file.read()

    def command(self, *words, **environment):
        return [DROPCL, *map(str, words)], dict(self.environment, **environment)

    def run_dropcl(self, *words, timeout=240, **environment):
        command, env = self.command(*words, **environment)
        done = subprocess.run(
            command, capture_output=True, cwd=self.folder, env=env, timeout=timeout, check=False
        )
        return Done(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *words, **environment):
        done = self.run_dropcl(*words, **environment)
        self.assertEqual(done.code, 0, done)
        return done

    def refused(self, code, *words, says=(), **environment):
        """Exits with `code`, says every text of `says` on stderr and nothing at all on stdout."""
        done = self.run_dropcl(*words, **environment)
        self.assertEqual(done.code, code, done)
        self.assertEqual(done.out, "", done)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, done.err, done)
        return done

    def as_documented(self, command, lines):
        """Every line has the fields of docs/json.md, in that order and of those types."""
        pages = documented(command)
        for line in lines:
            fields = pages.get(line["event"])
            self.assertIsNotNone(fields, f"{line['event']} of {command} is not documented")
            self.assertEqual(list(line), list(fields))
            for field, value in line.items():
                kinds = [JSON_TYPES[word] for word in fields[field].strip().split(" or ")]
                fine = bool in kinds if isinstance(value, bool) else any(isinstance(value, k) for k in kinds)
                self.assertTrue(fine, f"{field}: {value!r} is no {fields[field]}")

    def train(self, *words, out="run", **environment):
        """A short training with JSON; returns the finished command."""
        return self.ok(
            "train", self.recipe, "--device", DEVICE, "--out", self.path(out), "--json", *words, **environment
        )


def main():
    unittest.main(verbosity=2)
