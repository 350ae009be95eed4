"""Whole runs: the folder, the model in it, evaluation, interruption, what goes to stdout and what to stderr."""

import hashlib
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import time

from harness import DEVICE, RECIPE, Case, main, write_mnist


class Runs(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data)

    def names(self, *at):
        return sorted(os.listdir(self.path(*at)))

    def settings(self, *words):
        return ["train", self.recipe, "--device", DEVICE, *words]


class Folders(Runs):
    FILES = ["metrics.jsonl", "model.safetensors", "recipe.yaml"]

    def test_default_folder_is_named_after_model_and_seed(self):
        for folder in ("tiny-1", "tiny-1-2", "tiny-1-3"):
            done = self.ok(*self.settings("--steps", "1"))
            self.assertIn(f"runs/{folder}/model.safetensors", done.out)
            self.assertEqual(self.names("runs", folder), self.FILES)
        self.ok(*self.settings("--steps", "1", "--seed", "18446744073709551615"))
        self.assertEqual(self.names("runs"), ["tiny-1", "tiny-1-2", "tiny-1-3", "tiny-18446744073709551615"])

    def test_explicit_folder_that_holds_a_run_needs_force(self):
        out = self.path("deep", "er", "run")
        first = self.ok(*self.settings("--steps", "1", "--out", out, "--json")).event("end")
        refused = self.refused(73, *self.settings("--steps", "2", "--out", out), says="--force")
        self.assertNotIn("device:", refused.err)
        second = self.ok(*self.settings("--steps", "2", "--out", out, "--force", "--json")).event("end")
        self.assertNotEqual(first["parameters_sha256"], second["parameters_sha256"])
        self.assertEqual(self.names("deep", "er", "run"), self.FILES)
        self.assertEqual(len(self.read("deep", "er", "run", "metrics.jsonl").splitlines()), 2)

    def test_explicit_folder_without_a_run_is_used(self):
        os.makedirs(self.path("mine"))
        self.write("mine/notes.txt", "kept")
        self.ok(*self.settings("--steps", "1", "--out", self.path("mine")))
        self.assertEqual(self.names("mine"), sorted(self.FILES + ["notes.txt"]))

    def test_recipe_as_run_repeats_the_run(self):
        first = self.train("--seed", "7", "--epochs", "1", "--set", "model.layers.*.dropout.rate=0.25").event("end")
        self.assertIn("0.25", self.read("run", "recipe.yaml").decode())
        again = self.ok("train", self.path("run", "recipe.yaml"), "--device", DEVICE, "--json").event("end")
        self.assertEqual(first["parameters_sha256"], again["parameters_sha256"])
        self.assertIn("runs/tiny-7/", again["model"])


class Settings(Runs):
    def test_named_options_win_over_set(self):
        done = self.train("--epochs", "1", "--set", "train.epochs=3", "--set", "train.seed=9", "--seed", "4")
        self.assertEqual(len(done.lines()), 2)
        self.assertRegex(self.read("run", "recipe.yaml").decode(), r"seed: 4\b")

    def test_scores_of_every_so_many_epochs_and_the_last(self):
        words = ["--epochs", "5", "--set", "train.validation=32"]
        each, some = self.train(*words, out="each"), self.train(*words, "--score-every", "2", out="some")
        for epoch, (full, line) in enumerate(zip(each.lines(), some.lines()), 1):
            for name in ("val_loss", "val_accuracy", "test_loss", "test_accuracy"):
                scored = epoch % 2 == 0 or epoch >= 5
                self.assertEqual(line[name], full[name] if scored else None, (epoch, name))
            self.assertEqual(line["train_loss"], full["train_loss"])
        self.assertEqual(each.event("end")["parameters_sha256"], some.event("end")["parameters_sha256"])
        self.assertEqual(some.err.count("test loss"), 3)
        self.refused(64, *self.settings("--score-every", "0"), says="--score-every")

    def test_seed_changes_the_parameters_and_nothing_else_does(self):
        def sha(*words):
            end = self.ok(*self.settings("--json", *words)).event("end")
            return end["parameters_sha256"]

        first = sha("--epochs", "1")
        self.assertEqual(first, sha("--epochs", "1"))
        self.assertEqual(first, sha("--epochs", "1", "--data", os.path.join(self.data, "mnist")))
        self.assertNotEqual(first, sha("--epochs", "1", "--seed", "2"))
        self.assertNotEqual(first, sha("--epochs", "1", "--set", "model.layers.1.dropout.rate=0"))

    def test_steps_stops_early(self):
        end = self.train("--steps", "3").event("end")
        self.assertEqual(end["steps"], 3)
        self.assertFalse(end["interrupted"])

    def test_init_starts_from_a_model(self):
        first = self.train("--epochs", "1").event("end")
        before = self.ok("eval", self.path("run"), "--device", DEVICE, "--json").event("eval")
        frozen = self.train("--init", self.path("run"), "--steps", "1", "--set", "train.optimizer.sgd.lr=1e-30", out="b")
        self.assertEqual(frozen.event("end")["parameters_sha256"], first["parameters_sha256"])
        self.assertEqual(frozen.event("end")["test_loss"], before["test_loss"])

    def test_lowered_batch_is_said(self):
        done = self.train("--set", "train.limit=20", "--epochs", "1")
        self.assertRegex(done.err, r"note: .*20")
        self.assertEqual(done.event("end")["steps"], 1)


class Models(Runs):
    def test_it_learns(self):
        end = self.train("--epochs", "6").event("end")
        self.assertGreater(end["test_accuracy"], 0.9)  # ten classes: chance is 0.1

    def test_hash_is_of_the_tensors_in_the_file(self):
        end = self.train("--epochs", "1").event("end")
        content = self.read("run", "model.safetensors")
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + size])
        header.pop("__metadata__")
        self.assertEqual(sorted(header), ["fc1.bias", "fc1.weight", "fc2.bias", "fc2.weight"])
        self.assertEqual(header["fc1.weight"]["shape"], [24, 784])
        spans = sorted(tensor["data_offsets"] for tensor in header.values())
        body = b"".join(content[8 + size + a : 8 + size + b] for a, b in spans)
        self.assertEqual(hashlib.sha256(body).hexdigest(), end["parameters_sha256"])
        self.assertEqual(len(body), 4 * end["parameters"])
        self.assertEqual(end["parameters"], 784 * 24 + 24 + 24 * 10 + 10)

    def test_eval_is_the_end_of_training(self):
        end = self.train().event("end")
        for model in (self.path("run"), self.path("run", "model.safetensors")):
            for device in {"cpu", DEVICE}:
                score = self.ok("eval", model, "--device", device, "--json").event("eval")
                for field in ("test_loss", "test_accuracy", "test_error", "parameters", "parameters_sha256"):
                    self.assertEqual(score[field], end[field], f"{field} on {device}")
                self.assertEqual(score["rows"], 128)

    def test_monte_carlo_evaluation(self):
        self.train()
        plain = self.ok("eval", self.path("run"), "--device", DEVICE, "--json").event("eval")
        one, again, many = (
            self.ok("eval", self.path("run"), "--device", DEVICE, "--json", "--mc", k).event("eval") for k in "119"
        )
        self.assertEqual(one["test_loss"], again["test_loss"])
        self.assertNotEqual(one["test_loss"], plain["test_loss"])
        self.assertLess(many["test_loss"], one["test_loss"])  # averaging probabilities: Jensen's inequality

    def test_eval_needs_the_data(self):
        self.train("--steps", "1")
        self.refused(66, "eval", self.path("run"), "--device", DEVICE, "--data", self.path("none"), says="none")


class Streams(Runs):
    def test_result_on_stdout_and_progress_on_stderr(self):
        done = self.ok(*self.settings("--out", self.path("run")))
        self.assertRegex(done.out, r"(?m)^test accuracy +[01]\.\d{4}$")
        self.assertRegex(done.out, r"(?m)^sha256 +[0-9a-f]{64}$")
        self.assertRegex(done.out, r"(?m)^samples/s +\d+$")
        self.assertNotIn("epoch", done.out)
        self.assertEqual(len(re.findall(r"(?m)^epoch +\d/2 ", done.err)), 2, done)
        self.assertEqual(len(re.findall(r"(?m)^device: ", done.err)), 1, done)
        self.assertNotIn("\r", done.err)
        self.assertNotIn("\033", done.err)

    def test_json_is_the_whole_of_stdout(self):
        for line in self.train().lines():
            self.assertEqual(line["schema"], 1)

    def on_terminal(self, **environment):
        """Trains with stderr on a terminal; returns what it showed."""
        command, env = self.command(*self.settings("--epochs", "20"), **environment)
        main_end, child_end = pty.openpty()
        process = subprocess.Popen(command, cwd=self.folder, env=env, stdout=subprocess.DEVNULL, stderr=child_end)
        os.close(child_end)
        shown, limit = b"", time.monotonic() + 120
        while time.monotonic() < limit:
            if not select.select([main_end], [], [], 1)[0]:
                continue
            try:
                part = os.read(main_end, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
        os.close(main_end)
        self.assertEqual(process.wait(60), 0)
        return shown.decode()

    def test_a_terminal_gets_a_bar(self):
        shown = self.on_terminal(TERM="xterm")
        self.assertIn("[", shown)
        self.assertRegex(shown, r"epoch \d+/20 \033\[32m\[#*\.*\]")
        self.assertEqual(len(re.findall(r"epoch +\d+/20  train loss", shown)), 20)
        self.assertNotIn("\033[32m", self.on_terminal(TERM="xterm", NO_COLOR="1"))
        self.assertNotIn("\033", self.on_terminal(TERM="dumb"))


class Interruption(Runs):
    LONG = ["--epochs", "1000000"]

    def start(self, *words):
        command, env = self.command(*self.settings("--json", "--out", self.path("run"), *self.LONG, *words))
        process = subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(process.kill)
        first = process.stdout.readline()  # training is under way once an epoch is over
        self.assertIn('"event":"epoch"', first)
        return process

    def test_a_signal_stops_after_the_step_and_saves(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("--force")
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 75, err)
            end = json.loads(out.splitlines()[-1])
            self.assertEqual((end["event"], end["interrupted"]), ("end", True))
            self.assertGreater(end["steps"], 15)
            self.assertIn("interrupted after step", err)
            score = self.ok("eval", self.path("run"), "--device", DEVICE, "--json").event("eval")
            self.assertEqual(score["parameters_sha256"], end["parameters_sha256"])

    def test_the_saved_model_is_as_of_that_step(self):
        process = self.start()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        end = json.loads(out.splitlines()[-1])
        again = self.train(*self.LONG, "--steps", end["steps"], out="again").event("end")
        self.assertEqual(end["parameters_sha256"], again["parameters_sha256"])

    def test_a_second_signal_ends_at_once(self):
        """While the first is being served: the handler sees both before the loop looks."""
        process = self.start()
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (130, 143))

    def test_nothing_is_left_when_it_never_began(self):
        self.refused(66, *self.settings("--out", self.path("run"), "--data", self.path("none")))
        self.assertFalse(os.path.exists(self.path("run")))


class Plans(Runs):
    def test_plan_needs_neither_data_nor_device(self):
        page = self.ok("plan", self.recipe, DROPCL_DATA="/nonexistent", OCL_ICD_VENDORS="/nonexistent").out
        training, evaluation = page.split("evaluation plan")
        for word in ("fc1", "fc2", "dropout", "sgd"):
            self.assertIn(word, training)
        for word in ("dropout", "sgd"):
            self.assertNotIn(word, evaluation)

    def test_unusual_rates_are_named_with_their_line_by_plan_and_train(self):
        loud = ("--set", "model.layers.*.dropout.rate=0.9")
        warning = r"(?m)\.yaml:\d+:\d+: warning: the rate of \w+ is the probability to drop, 0\.9 \(0\.1 is kept\)"
        plan = self.ok("plan", self.recipe, *loud)
        self.assertRegex(plan.err, warning)
        self.assertNotIn("warning", plan.out)
        self.assertRegex(self.ok(*self.settings("--steps", "1", *loud)).err, warning)
        silent = ("--set", "model.layers.*.dropout.rate=0")
        self.assertEqual(self.ok("plan", self.recipe, *silent).err, "")

    def test_plan_follows_settings(self):
        page = self.ok("plan", self.recipe, "--set", "train.batch=7").out
        self.assertIn("[7,24]", page)
        self.assertNotIn("[32,24]", page)


class Compares(Runs):
    def test_equal_devices(self):
        done = self.ok("compare", self.recipe, "--devices", f"cpu,{DEVICE}", "--steps", "2")
        self.assertEqual(len(re.findall(r"(?m)^step +\d", done.out)), 2)
        self.assertRegex(done.out, r"(?m)^equal: \d+ numbers equal, 0 unequal, [1-9]\d* mask bits")

    def test_dump_holds_every_value(self):
        self.ok("compare", self.recipe, "--devices", f"cpu,{DEVICE}", "--dump", self.path("dump"))
        found = [name for name in os.listdir(self.path("dump")) if name.endswith(".safetensors")]
        self.assertTrue(found)
        content = self.read("dump", found[0])
        header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
        self.assertTrue([name for name in header if "fc1" in name], header)


main()
