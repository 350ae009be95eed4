"""dropcl predict: rows of the dataset and pictures of one's own, Monte-Carlo passes recomputed from nothing but the
model file and `dropcl mask`, and what it refuses."""

import gzip
import json
import math
import os
import struct
import zlib

from harness import DEVICE, FILES, IMAGES, RECIPE, Case, digits, idx, main, write_mnist

ROWS = 128  # of the test split
UNITS = 24  # behind which the recipe drops


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(pixels, width=28, height=28, depth=8, colour=0, samples=1):
    """pixels: bytes of height rows; colour 0 grey, 2 RGB, 6 RGBA."""
    size = width * samples * depth // 8
    rows = b"".join(b"\0" + pixels[at : at + size] for at in range(0, height * size, size))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def softmax(z):
    e = [math.exp(x - max(z)) for x in z]
    return [x / sum(e) for x in e]


def entropy(p):
    return -sum(x * math.log(x) for x in p if x > 0)


class Network:
    """The tiny recipe's network from its file, in double."""

    def __init__(self, path):
        with open(path, "rb") as file:
            whole = file.read()
        size = struct.unpack("<Q", whole[:8])[0]
        header, body = json.loads(whole[8 : 8 + size]), whole[8 + size :]
        self.norm = [float(x) for x in header["__metadata__"]["normalisation"].split()]
        self.tensor = {}
        for name, entry in header.items():
            if name != "__metadata__":
                first, last = entry["data_offsets"]
                self.tensor[name] = struct.unpack(f"<{(last - first) // 4}f", body[first:last])

    def layer(self, name, x):
        weights, bias = self.tensor[f"{name}.weight"], self.tensor[f"{name}.bias"]
        n = len(x)
        return [b + sum(w * v for w, v in zip(weights[o * n : o * n + n], x)) for o, b in enumerate(bias)]

    def run(self, picture, mask):
        """mask: text of 1 and 0 over the hidden units, rate 0.5."""
        hidden = self.layer("fc1", [byte * self.norm[0] + self.norm[1] for byte in picture])
        kept = [max(h, 0) * 2 if bit == "1" else 0 for h, bit in zip(hidden, mask)]
        return softmax(self.layer("fc2", kept))


class Predict(Case):
    trained = None  # the model file of a short training, for all tests

    def setUp(self):
        super().setUp()
        write_mnist(self.data, test=ROWS)
        self.model = self.path("run")
        if Predict.trained is None:
            self.train("--steps", "16")
            Predict.trained = self.read("run", "model.safetensors")
        else:
            os.makedirs(self.model)
            self.write("run/model.safetensors", Predict.trained)

    def predict(self, *words, **environment):
        return self.ok("predict", self.model, "--device", DEVICE, *words, **environment)

    def lines(self, *words):
        return self.predict("--json", *words).lines()

    def masks(self, split, first, last, step):
        words = f"--seed 1 --layer 0 --step {step} --samples {first}:{last} --elements {UNITS} --rate 0.5".split()
        return self.ok("mask", *words, "--split", split, "--device", DEVICE).out.split()

    def recompute(self, lines, pictures, split, passes):
        """Every figure of `lines` from the network's file and the masks that `dropcl mask` prints. Single
        precision against double: sums of 784 products leave some 1e-6 in the probabilities."""
        network = Network(self.path("run", "model.safetensors"))
        first, last = lines[0]["row"], lines[-1]["row"] + 1
        masks = [self.masks(split, first, last, k) for k in range(passes)]
        for i, line in enumerate(lines):
            outputs = [network.run(pictures[i], masks[k][i]) for k in range(passes)]
            mean = [sum(p[c] for p in outputs) / passes for c in range(10)]
            votes = [max(range(10), key=p.__getitem__) for p in outputs]
            expected = sum(map(entropy, outputs)) / passes
            self.assertEqual(line["class"], mean.index(max(mean)))
            for got, want in zip(line["probabilities"], mean):
                self.assertAlmostEqual(got, want, delta=1e-5)
            self.assertAlmostEqual(line["entropy"], entropy(mean), delta=1e-4)
            self.assertAlmostEqual(line["expected_entropy"], expected, delta=1e-4)
            self.assertAlmostEqual(line["information"], entropy(mean) - expected, delta=1e-4)
            self.assertAlmostEqual(line["variation"], 1 - max(map(votes.count, votes)) / passes, delta=1e-9)
            self.assertEqual(line["passes"], passes)

    def test_passes_are_recomputed_from_the_file_and_the_masks(self):
        for split in ("test", "train"):
            pictures = digits(512 if split == "train" else ROWS, split)[0]
            lines = self.lines("--split", split, "--rows", "5:12", "--mc", "3")
            self.assertEqual([line["row"] for line in lines], list(range(5, 12)))
            self.recompute(lines, [pictures[784 * r : 784 * r + 784] for r in range(5, 12)], split, 3)

    def test_passes_over_pictures_have_masks_of_their_own(self):
        picture = digits(ROWS, "test")[0][:784]
        path = self.write("a.png", png(picture))
        lines = self.lines("--images", path, path, "--mc", "4")
        self.assertEqual([(line["row"], line["file"], line["split"]) for line in lines], [(0, path, "user"), (1, path, "user")])
        self.assertNotEqual(lines[0]["probabilities"], lines[1]["probabilities"])
        self.recompute(lines, [picture, picture], "user", 4)

    def test_a_part_is_what_the_whole_says_of_it(self):
        whole = self.lines("--mc", "2")
        self.assertEqual(len(whole), ROWS)
        self.assertEqual(self.lines("--mc", "2", "--rows", "100:103"), whole[100:103])

    def test_rows_agree_with_eval(self):
        labels = digits(ROWS, "test")[1]
        for words in ([], ["--mc", "3"], ["--mc", "2", "--tta"], ["--tta"]):
            lines = self.lines(*words)
            score = self.ok("eval", self.model, "--device", DEVICE, "--json", *words).event("eval")
            right = sum(line["class"] == label for line, label in zip(lines, labels))
            loss = -sum(math.log(line["probabilities"][k]) for line, k in zip(lines, labels)) / ROWS
            self.assertEqual([line["label"] for line in lines], list(labels))
            self.assertAlmostEqual(score["test_accuracy"], right / ROWS, delta=1e-12)
            self.assertAlmostEqual(score["test_loss"], loss, delta=1e-6)

    def test_text_has_a_line_for_each_row(self):
        plain = self.predict("--rows", "0:4").out.splitlines()
        self.assertEqual(len(plain), 5)
        self.assertRegex(plain[0], r"^row +class +name +probability +label$")
        for row, line in enumerate(plain[1:]):
            self.assertRegex(line, rf"^{row} +\d +\d +[01]\.\d{{4}}( +\d)?$")
        head = self.predict("--rows", "0:1", "--mc", "2").out.splitlines()[0]
        for word in ("entropy", "expected", "information", "variation"):
            self.assertIn(word, head)

    def test_pictures_of_every_kind_of_file(self):
        """Grey, colours that are grey, opaque RGBA, 16 bits, IDX, gzip: the same picture, the same answer."""
        picture = digits(ROWS, "test")[0][784:1568]
        files = [
            self.write("grey.png", png(picture)),
            self.write("rgb.png", png(bytes(b for p in picture for b in (p, p, p)), colour=2, samples=3)),
            self.write("rgba.png", png(bytes(b for p in picture for b in (p, p, p, 255)), colour=6, samples=4)),
            self.write("deep.png", png(bytes(b for p in picture for b in (p, p)), depth=16)),
            self.write("two-images", idx(IMAGES, (2, 28, 28), picture + picture)),
            self.write("one.gz", gzip.compress(idx(IMAGES, (1, 28, 28), picture), mtime=0)),
        ]
        lines = self.lines("--images", *files)
        self.assertEqual([line["file"] for line in lines], files[:5] + files[4:])
        row = self.lines("--rows", "1:2")[0]
        for line in lines:
            self.assertEqual(line["probabilities"], row["probabilities"], line["file"])
            self.assertEqual((line["label"], line["passes"], line["information"]), (None, 0, 0))

    def test_colours_become_grey_by_their_brightness(self):
        grey = (299 * 200 + 587 * 30 + 114 * 90 + 500) // 1000
        colours = self.write("colour.png", png(bytes((200, 30, 90)) * 784, colour=2, samples=3))
        plain = self.write("grey.png", png(bytes((grey,)) * 784))
        first, second = self.lines("--images", colours, plain)
        self.assertEqual(first["probabilities"], second["probabilities"])

    def refuse(self, code, *words, says=()):
        return self.refused(code, "predict", self.model, "--device", "cpu", *words, says=says)

    def test_usage(self):
        path = self.write("a.png", png(bytes(784)))
        self.refused(64, "predict", says="MODEL is missing")
        self.refuse(64, "--images", says="--images needs a value")
        self.refuse(64, "--images", path, "--rows", "0:1", says="--rows is of the dataset")
        self.refuse(64, "--images", path, "--split", "test", says="--split is of the dataset")
        self.refuse(64, "--images", path, "--data", self.data, says="--data is of the dataset")
        self.refuse(64, "--split", "validation", says="test or train, not 'validation'")
        for value in ("0", "65537", "3.5", "-1"):
            self.refuse(64, "--mc", value, says="--mc wants")
        for value in ("3", "3:3", "4:3", "a:b", ":"):
            self.refuse(64, "--rows", value, says="--rows wants")
        self.refuse(64, path, says="one argument too many")

    def test_rows_that_are_not_there(self):
        done = self.refuse(64, "--rows", f"{ROWS - 1}:{ROWS + 1}", says=f"the test split of mnist has {ROWS} rows")
        self.assertIn(f"{ROWS - 1}:{ROWS + 1}", done.err)
        self.refuse(64, "--split", "train", "--rows", "512:513", says="the train split of mnist has 512 rows")

    def test_what_is_missing(self):
        self.refuse(66, "--images", self.path("none.png"), says="none.png")
        self.refuse(66, "--data", self.path("none"), says=FILES["test"][0])
        self.refused(66, "predict", self.path("none"), "--device", "cpu", says="none")
        self.refuse(74, "--images", self.folder, says=self.folder)

    def test_damaged_pictures(self):
        whole = png(bytes(784))
        broken = {
            "cut": whole[:-30],
            "head": whole[:20],
            "flipped": whole[:60] + bytes((whole[60] ^ 255,)) + whole[61:],
            "signature": whole[:8],
        }
        for name, content in broken.items():
            self.refuse(65, "--images", self.write(f"{name}.png", content), says=f"{name}.png: is no good PNG file")
        for name, content in (("empty", b""), ("text", b"no picture at all")):
            path = self.write(name, content)
            self.refuse(65, "--images", path, says="is neither a PNG file nor an IDX file")

    def test_pictures_that_do_not_fit(self):
        wide = self.write("wide.png", png(bytes(29 * 28), width=29))
        self.refuse(65, "--images", wide, says="wide.png: the picture is 28 high and 29 wide, the model reads 28 by 28")
        clear = bytes(b for i in range(784) for b in (9, 9, 9, 254 if i == 57 else 255))
        path = self.write("clear.png", png(clear, colour=6, samples=4))
        self.refuse(65, "--images", path, says="clear.png: pixel (2, 1) is transparent")
        small = self.write("small", idx(IMAGES, (1, 27, 28), bytes(27 * 28)))
        self.refuse(65, "--images", small, says="27 high and 28 wide")

    def test_one_bad_picture_among_good_ones(self):
        good = self.write("good.png", png(bytes(784)))
        self.refuse(65, "--images", good, self.write("bad.png", png(bytes(784))[:-30]), good, says="bad.png")

    def test_a_flat_model_reads_pictures_of_its_dataset(self):
        flat = self.write("flat.yaml", RECIPE.replace("[28, 28, 1]", "[784]"))
        self.ok("train", flat, "--device", DEVICE, "--out", self.path("flat"), "--steps", "2")
        path = self.write("a.png", png(digits(ROWS, "test")[0][:784]))
        words = ["predict", self.path("flat"), "--device", DEVICE, "--json"]
        ours = self.ok(*words, "--images", path).lines()[0]
        self.assertEqual(ours["probabilities"], self.ok(*words, "--rows", "0:1").lines()[0]["probabilities"])
        self.refused(64, *words, "--tta", "--rows", "0:1", says="mirror images need pictures")


main()
