"""dropcl report: what is in the page, which folders it takes, which it refuses."""

import base64
import json
import os
import re

from harness import DEVICE, Case, main, write_mnist


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])


class Reports(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data, train=256, test=64)

    def report(self, *folders, **environment):
        page = self.path("page.html")
        words = [self.path(folder) for folder in folders]
        done = self.ok("report", *words, "--device", DEVICE, "--out", page, **environment)
        self.assertRegex(done.out, r"(?m)^report +\S+page\.html$")
        return data_of(self.read("page.html").decode()), done

    def blocks(self, data, kind):
        return [block for section in data["sections"] for block in section["blocks"] if block["kind"] == kind]

    def test_one_run(self):
        end = self.train("--set", "train.validation=64", out="one").event("end")
        data, _ = self.report("one")
        loss, accuracy = self.blocks(data, "chart")
        self.assertEqual([series["name"] for series in loss["series"]], ["training (dropout on)", "validation", "test"])
        self.assertEqual([point[0] for point in loss["series"][0]["points"]], [1, 2])
        self.assertAlmostEqual(accuracy["series"][2]["points"][-1][1], end["test_accuracy"], places=5)
        matrix = self.blocks(data, "matrix")[0]
        right = sum(row[i] for i, row in enumerate(matrix["values"]))
        self.assertEqual(sum(map(sum, matrix["values"])), 64)
        self.assertEqual(right / 64, end["test_accuracy"])
        items = self.blocks(data, "pictures")[0]["items"]
        self.assertEqual(len(items), min(64 - right, 24))
        for item in items:
            head, body = item["src"].split(",")
            self.assertEqual(head, "data:image/png;base64")
            self.assertTrue(base64.b64decode(body).startswith(b"\x89PNG"))
            self.assertRegex(item["text"], r"^\d, taken for \d \([\d.]+ %\)$")

    def test_several_runs_and_what_is_different(self):
        self.train(out="one")
        self.train("--set", "model.layers.1.dropout.rate=0.25", "--seed", "2", out="two")
        data, _ = self.report("one", "two")
        self.assertEqual([s["name"] for s in self.blocks(data, "chart")[0]["series"]], ["one", "two"])
        table = next(s for s in data["sections"] if s["id"] == "differences")["blocks"][0]
        self.assertEqual(table["columns"], ["run", "model.layers.1.dropout.rate", "train.seed"])
        self.assertEqual(table["rows"], [["one", "0.5", "1"], ["two", "0.25", "2"]])

    def test_a_folder_of_runs(self):
        words = ["--vary", "train.batch=16,32", "--epochs", "1", "--out", self.path("s")]
        self.ok("sweep", self.recipe, "--device", DEVICE, *words)
        data, done = self.report("s")
        self.assertRegex(done.out, r"(?m)^runs +2$")
        self.assertEqual(data["subtitle"], "Report on 2 training runs")
        sweep = data_of(self.read("s", "report.html").decode())
        self.assertEqual(self.blocks(sweep, "table")[0]["columns"][:2], ["train.batch", "runs"])

    def test_names_are_only_text(self):
        name = "<script>alert(1)<%2Fscript>'\"&"
        self.train("--steps", "1", out=name)
        data, _ = self.report(name)
        self.assertEqual(data["title"], name)
        html = self.read("page.html").decode()
        self.assertNotIn("<script>alert", html)
        self.assertEqual(html.count("</script>"), 3)

    def test_without_the_data_the_rest_is_there(self):
        self.train("--steps", "1", out="one")
        data, done = self.report("one", DROPCL_DATA=self.path("none"))
        self.assertIn("note: dataset mnist was not found", done.err)
        self.assertIn("could not be run here", self.blocks(data, "text")[-1]["text"])
        self.assertEqual(self.blocks(data, "matrix"), [])

    def test_a_folder_that_holds_no_run_is_refused(self):
        os.makedirs(self.path("empty"))
        self.refused(66, "report", self.path("empty"), says="holds no run")
        self.refused(66, "report", self.path("nowhere"), says="there is no folder")
        self.refused(64, "report", says="DIR... is missing")
        self.assertFalse(os.path.exists(self.path("report.html")))

    def test_a_damaged_run_is_refused(self):
        self.train("--steps", "1", out="one")
        whole = self.read("one", "metrics.jsonl")
        for damage in (b'{"event":"epoch",}\n', b"[1]\n", b"\xff\n"):
            self.write("one/metrics.jsonl", whole + damage)
            self.refused(65, "report", self.path("one"), "--device", "nosuch", says="metrics.jsonl:3: ")
        self.write("one/metrics.jsonl", whole + b'{"event":"epo')  # being written: no line yet
        self.report("one")
        self.write("one/model.safetensors", b"not a model")
        _, done = self.report("one")
        self.assertIn("model.safetensors", done.err)
        os.unlink(self.path("one", "recipe.yaml"))
        self.refused(66, "report", self.path("one"), says="recipe.yaml")

    def test_a_page_that_cannot_be_written(self):
        self.train("--steps", "1", out="one")
        words = ["report", self.path("one"), "--device", DEVICE, "--out", self.path("no", "page.html")]
        self.refused(73, *words, says="page.html")


main()
