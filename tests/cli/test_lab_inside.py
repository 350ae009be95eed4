"""What dropcl lab says about the inside of networks, done again from outside: the same networks from `dropcl train`,
their model files taken apart and changed here, scores from `dropcl eval`."""

import json
import statistics
import struct

from harness import DEVICE, Case, digits, join_tensors, main, split_tensors, write_mnist

TEST, SEEDS, UNITS = 60, (1, 2, 3), 32
RECIPE = """\
dropcl: 1
model:
  input: [28, 28, 1]
  layers:
%s
train:
  dataset: mnist
  batch: %d
  epochs: 2
  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}
%s"""
HIDDEN = f"""\
    - dense:   {{name: fc1, units: {UNITS}, activation: relu}}
    - dropout: {{rate: %g}}
    - dense:   {{name: fc2, units: 10}}"""
PLAIN = "  normalize: unit\n"


class Model:
    """A model file as its tensors."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.head, body = split_tensors(file.read())
        self.body = bytearray(body)

    def tensor(self, name):
        first, last = self.head[name]["data_offsets"]
        return list(struct.unpack(f"<{(last - first) // 4}f", self.body[first:last]))

    def scale(self, name, factors):
        """Times one factor for each column, again and again: the inputs of a dense layer."""
        first, last = self.head[name]["data_offsets"]
        values = [factors[i % len(factors)] * w for i, w in enumerate(self.tensor(name))]
        self.body[first:last] = struct.pack(f"<{len(values)}f", *values)

    def bytes(self):
        return join_tensors(self.head, bytes(self.body))


class Inside(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data, train=200, test=TEST)

    def judged(self, blocks, *gains):
        """The verdict that these lists of paired differences, one for each seed, ask for, beside the one that is given.
        Student's t of three: 4.303."""
        claim = next(b for b in blocks if b["kind"] == "claim")
        least = [(statistics.mean(g) - 4.303 * statistics.stdev(g) / 3**0.5) for g in gains]
        most = [(statistics.mean(g) + 4.303 * statistics.stdev(g) / 3**0.5) for g in gains]
        wanted = "failed" if min(most) < 0 else "held" if min(least) > 0 else "open"
        self.assertEqual(claim["verdict"], wanted, (claim, gains))
        return claim["result"]

    def blocks(self, experiment, layers, batch=32, more=""):
        self.recipe = self.write("lab.yaml", RECIPE % (layers, batch, more))
        self.ok("lab", self.recipe, "--device", DEVICE, "--only", experiment, "--out", self.path("lab"))
        return json.loads(self.read("lab", "numbers.json"))["sections"][0]["blocks"]

    def trained(self, layers, batch=32, more=""):
        """Model files of a network, one for each seed."""
        self.recipe = self.write("again.yaml", RECIPE % (layers, batch, more))
        for seed in SEEDS:
            self.train("--set", f"train.seed={seed}", "--force", out=f"seed{seed}")
        return [self.path(f"seed{seed}", "model.safetensors") for seed in SEEDS]

    def score(self, path):
        end = self.ok("eval", path, "--device", DEVICE, "--json").event("eval")
        return end["test_loss"], 100 * end["test_error"]

    def changed(self, path, factors):
        """The score of a model whose hidden units count so many times in the layer that reads them."""
        model = Model(path)
        model.scale("fc2.weight", factors)
        return self.score(self.write("changed.safetensors", model.bytes()))

    def without(self, path, gone):
        """The accuracy, in percent, when some hidden units are gone and the others make up for it."""
        taken = [(u + 1) * 2654435761 % 2**32 / 2**32 < gone for u in range(UNITS)]
        self.assertTrue(sum(taken) < UNITS and bool(gone) == any(taken))
        return 100 - self.changed(path, [0.0 if out else 1 / (1 - gone) for out in taken])[1]

    def loss_without(self, path, unit):
        return self.changed(path, [float(u != unit) for u in range(UNITS)])[0]

    def hidden(self, path):
        """The hidden activations of all test rows. The recipe's pictures are bytes / 255."""
        model, pixels = Model(path), digits(TEST, "test")[0]
        weights, bias, found = model.tensor("fc1.weight"), model.tensor("fc1.bias"), []
        for row in range(TEST):
            lit = [(i, b / 255) for i, b in enumerate(pixels[784 * row : 784 * (row + 1)]) if b]
            for u in range(UNITS):
                own = weights[784 * u : 784 * (u + 1)]
                found.append(max(0, bias[u] + sum(own[i] * x for i, x in lit)))
        return found

    def test_units_are_taken_away(self):
        blocks = self.blocks("coadaptation", HIDDEN % 0.5, more=PLAIN)
        chart = next(b for b in blocks if b["kind"] == "chart")
        table = next(b for b in blocks if b["kind"] == "table")
        lost, zeros = [], []
        for side, (name, rate) in enumerate((("with dropout", 0.5), ("without dropout", 0))):
            paths = self.trained(HIDDEN % rate, more=PLAIN)
            series, row = chart["series"][side], table["rows"][side]
            self.assertEqual((series["name"], row[0]), (name, name))
            self.assertEqual([point[0] for point in series["points"]], [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
            seen = {}
            for share, mean, spread in series["points"]:
                seen[share] = [self.without(path, share) for path in paths]
                self.assertAlmostEqual(mean, statistics.mean(seen[share]), places=6)
                self.assertAlmostEqual(spread, statistics.stdev(seen[share]), places=6)
            lost.append([whole - half for whole, half in zip(seen[0], seen[0.5])])
            hidden = [self.hidden(path) for path in paths]
            zeros.append([100 * x.count(0) / len(x) for x in hidden])
            # printed to 0.1; in another order a sum near 0 may have another sign: up to two of 5,760
            self.assertAlmostEqual(float(row[2].split()[0]), statistics.mean(zeros[side]), delta=0.05 + 0.035)
            # printed to 0.0001, sums in float32
            mean = statistics.mean(statistics.mean(x) for x in hidden)
            self.assertAlmostEqual(float(row[3].split()[0]), mean, delta=0.00005 + 1e-5)
            correlation = statistics.mean(map(self.correlation, hidden))
            self.assertAlmostEqual(float(row[4].split()[0]), correlation, delta=0.00005 + 1e-5)
            self.check_singles(paths, row[5:])
        more = [a - b for a, b in zip(*zeros)]
        less = [b - a for a, b in zip(*lost)]
        result = self.judged(blocks, more, less)
        self.assertIn(f"{statistics.mean(more):.1f} more", result)
        self.assertIn(f"{statistics.mean(less):.1f} less", result)

    def correlation(self, hidden):
        """The mean of |r| over pairs of units that vary."""
        units = [hidden[u::UNITS] for u in range(UNITS)]
        units = [x for x in units if max(x) > min(x)]
        pairs = [(a, b) for i, a in enumerate(units) for b in units[:i]]
        return statistics.mean(abs(statistics.correlation(a, b)) for a, b in pairs)

    def check_singles(self, paths, cells):
        """Each unit taken away by itself: mean and largest loss gained."""
        whole = [self.score(path)[0] for path in paths]
        gained = [[self.loss_without(path, u) - loss for u in range(UNITS)] for path, loss in zip(paths, whole)]
        for cell, values in zip(cells, ([statistics.mean(g) for g in gained], [max(0, *g) for g in gained])):
            # printed to 0.00001; losses are sums in float32
            self.assertAlmostEqual(float(cell.split()[0]), statistics.mean(values), delta=0.000005 + 1e-6)

    def test_the_factor(self):
        """What dropout's input is in evaluation, what leaves it in training, and a network that forgot the factor."""
        rate = 0.3
        blocks = self.blocks("scaling", HIDDEN % rate, more=PLAIN)
        figures, scores = (b["rows"] for b in blocks if b["kind"] == "table")
        self.train(out="run")
        path = self.path("run", "model.safetensors")
        x = self.hidden(path)
        mean, square = sum(x) / len(x), sum(v * v for v in x) / len(x)
        off, scaled, unscaled, with_factor, without = map(float, figures[0][3:])
        self.assertAlmostEqual(off, mean, delta=6e-5)
        self.assertAlmostEqual(with_factor, mean, delta=6e-5)
        self.assertAlmostEqual(without, (1 - rate) * mean, delta=6e-5)
        self.assertAlmostEqual(unscaled, (1 - rate) * scaled, delta=1e-4)
        # 30 passes: five standard deviations of the mean of all draws
        self.assertAlmostEqual(scaled, mean, delta=5 * (square * rate / (1 - rate) / len(x) / 30) ** 0.5)
        off, scaled, unscaled, with_factor, without = map(float, figures[1][3:])
        self.assertAlmostEqual(off, square - mean**2, delta=6e-5)
        self.assertAlmostEqual(with_factor, square / (1 - rate) - mean**2, delta=6e-5)
        # 30 passes: as above, of what the squares of all draws vary by; the mean's part is smaller
        fourth = sum(v**4 for v in x) / (1 - rate) ** 4
        spread = (fourth * rate * (1 - rate) / 30) ** 0.5 / len(x)
        self.assertAlmostEqual(scaled, with_factor, delta=5 * spread + 2 * mean * 5 * (square / len(x) / 30) ** 0.5)
        self.assertAlmostEqual(without, (1 - rate) ** 2 * with_factor, delta=1e-4)
        self.assertAlmostEqual(unscaled, (1 - rate) ** 2 * scaled, delta=1e-4)
        for row, (loss, error) in zip(scores, (self.score(path), self.changed(path, [1 / (1 - rate)]))):
            self.assertEqual(row[2], f"{error:.2f} %")
            self.assertAlmostEqual(float(row[1]), loss, delta=6e-5)

    def test_passes_are_averaged(self):
        """Fifty passes are one group of them: `eval --mc 50`; dropout off is the dashed line."""
        blocks = self.blocks("samples", HIDDEN % 0.5)
        series, level = next(b for b in blocks if b["kind"] == "chart")["series"]
        self.train(out="run")
        words = ("eval", self.path("run"), "--device", DEVICE, "--json")
        off, mean = (100 * self.ok(*words, *mc).event("eval")["test_error"] for mc in ((), ("--mc", 50)))
        self.assertAlmostEqual({p[0]: p[1] for p in series["points"]}[50], mean, places=6)
        for point in level["points"]:
            self.assertAlmostEqual(point[1], off, places=6)
        self.assertEqual([point[0] for point in level["points"]], [1, 50])

    def test_a_batch_norm_sees_another_variance(self):
        first = "    - dense: {name: fc1, units: 128, activation: relu}\n"
        last = "    - dense: {name: fc2, units: 128, bias: false}\n    - batchnorm: {name: norm}\n    - relu\n"
        drop, out = "    - dropout: {name: drop, rate: 0.5}\n", "    - dense: {units: 10}"
        blocks = self.blocks("batchnorm", HIDDEN % 0.5)
        rows = next(b for b in blocks if b["kind"] == "table")["rows"]
        units = next(b for b in blocks if b["kind"] == "chart" and b["type"] == "scatter")["series"]
        more = "  schedule: {cosine: {}}\n"
        errors = []
        for row, layers in zip(rows, (first + last, first + drop + last, first + last + drop)):
            paths = self.trained(layers + out, batch=128, more=more)
            scores = [self.score(path) for path in paths]
            errors.append([error for _, error in scores])
            # printed to 0.01 and 0.0001
            self.assertAlmostEqual(float(row[2].split()[0]), statistics.mean(errors[-1]), delta=0.00501)
            self.assertAlmostEqual(float(row[3].split()[0]), statistics.mean(s[0] for s in scores), delta=0.0000501)
        self.judged(blocks, [a - b for a, b in zip(errors[1], errors[2])])
        # what enters the layer varies where dropout stands before it, and nowhere else
        ratios = [[training / evaluation for evaluation, training, *_ in series["points"]] for series in units]
        for place in (0, 2):
            self.assertTrue(rows[place][1].startswith("1.000"), rows[place])
            for ratio in ratios[place]:
                self.assertAlmostEqual(ratio, 1, places=5)
        self.assertGreater(float(rows[1][1].split()[0]), 1.05)
        self.assertGreater(sum(ratios[1]) / len(ratios[1]), 1.05)


main()
