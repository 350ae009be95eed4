"""dropcl sweep: the grid, the folders of its runs, what is run again and what is not, failures and interruption."""

import json
import os
import signal
import subprocess
import time

from harness import DEVICE, Case, documented, main, write_mnist

RATE = "model.layers.1.dropout.rate"


def children(parent):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(name))
        except OSError:  # it has ended since
            pass
    return found


def kill(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Sweeps(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data, train=256, test=64)

    def words(self, *words, out="s"):
        return ["sweep", self.recipe, "--device", DEVICE, "--epochs", "1", "--out", self.path(out), *words]

    def folders(self, out="s"):
        return sorted(name for name in os.listdir(self.path(out)) if os.path.isdir(self.path(out, name)))

    def stamps(self, out="s"):
        return {name: os.stat(self.path(out, name, "model.safetensors")).st_mtime_ns for name in self.folders(out)}


class Grid(Sweeps):
    def test_points_runs_and_figures(self):
        words = self.words("--vary", f"{RATE}=0,0.5", "--seeds", "1,2", "--json", "--set", "train.validation=64")
        done = self.ok(*words)
        lines = done.lines()
        self.as_documented("sweep", lines)
        self.assertEqual({line["event"] for line in lines}, set(documented("sweep")))
        self.assertEqual([line["event"] for line in lines], ["run"] * 4 + ["point"] * 2 + ["end"])
        runs, points, end = lines[:4], lines[4:6], lines[6]
        self.assertEqual([(r["settings"], r["seed"]) for r in runs], [({RATE: v}, s) for v in ("0", "0.5") for s in "12"])
        self.assertEqual(sorted(r["name"] for r in runs), self.folders())
        for point in points:
            of = [r["val_accuracy"] for r in runs if r["settings"] == point["settings"]]
            self.assertAlmostEqual(point["val_accuracy"], sum(of) / 2)
            self.assertAlmostEqual(point["val_accuracy_spread"], abs(of[0] - of[1]) / 2**0.5)
        best = max(points, key=lambda p: (p["val_accuracy"], -p["val_loss"]))
        self.assertEqual([p["best"] for p in points], [p is best for p in points])
        self.assertEqual(end["best"], best["settings"])

    def test_a_run_is_what_train_makes_of_it(self):
        run = self.ok(*self.words("--vary", f"{RATE}=0.25", "--seeds", "3", "--json")).event("run")
        self.train("--epochs", "1", "--set", f"{RATE}=0.25", "--seed", "3")
        for name in ("recipe.yaml", "model.safetensors"):
            self.assertEqual(self.read("s", run["name"], name), self.read("run", name))

    def test_the_test_set_chooses_nothing(self):
        done = self.ok(*self.words("--vary", f"{RATE}=0,0.5", "--json"))
        self.assertIsNone(done.event("end")["best"])
        self.assertFalse(any(line.get("best") for line in done.lines()))
        self.assertIn("no point is chosen", self.ok(*self.words("--vary", f"{RATE}=0,0.5")).out)

    def test_values_with_commas_in_brackets(self):
        values = "{sgd: {lr: 0.1, momentum: 0.5}},{adam: {lr: 0.001}}"
        done = self.ok(*self.words("--vary", f"train.optimizer={values}", "--json"))
        got = [line["settings"]["train.optimizer"] for line in done.lines() if line["event"] == "point"]
        self.assertEqual(got, ["{sgd: {lr: 0.1, momentum: 0.5}}", "{adam: {lr: 0.001}}"])

    def test_without_a_grid_it_is_the_recipe_with_its_seeds(self):
        done = self.ok(*self.words("--seeds", "4,5", "--json"))
        self.assertEqual([line["event"] for line in done.lines()], ["run", "run", "point", "end"])

    def test_table(self):
        out = self.ok(*self.words("--vary", f"{RATE}=0,0.5", "--seeds", "1,2", "--set", "train.validation=64")).out
        self.assertRegex(out, rf"(?m)^  {RATE} +runs  val accuracy +val loss +test accuracy +test loss$")
        self.assertRegex(out, r"(?m)^\* (0|0\.5) +2  0\.\d{4} \+- 0\.\d{4} ")
        self.assertRegex(out, r"(?m)^runs +4 of 4 \(0 were there\)$")


class Again(Sweeps):
    def test_finished_runs_are_kept_and_new_ones_added(self):
        self.ok(*self.words("--vary", f"{RATE}=0,0.5"))
        first = self.stamps()
        done = self.ok(*self.words("--vary", f"{RATE}=0,0.5,0.25", "--json"))
        self.assertEqual([r["kept"] for r in done.lines() if r["event"] == "run"], [True, True, False])
        self.assertEqual({name: stamp for name, stamp in self.stamps().items() if name in first}, first)
        self.assertEqual(done.event("end")["kept"], 2)

    def test_a_run_without_its_end_is_run_again(self):
        run = self.ok(*self.words("--json")).event("run")
        metrics = self.path("s", run["name"], "metrics.jsonl")
        whole = self.read(metrics)
        self.write(metrics, b"".join(whole.splitlines(True)[:-1]))
        again = self.ok(*self.words("--json")).event("run")
        self.assertFalse(again["kept"])
        self.assertEqual(again["name"], run["name"])
        self.assertEqual(again["test_loss"], run["test_loss"])

    def test_other_content_other_folder(self):
        self.ok(*self.words())
        self.ok(*self.words("--steps", "1"))
        self.ok(*self.words("--set", "train.batch=16"))
        self.assertEqual(len(self.folders()), 3)

    def test_the_word_about_scores_reaches_the_runs(self):
        self.ok(*self.words("--vary", "model.layers.1.dropout.rate=0.25", "--epochs", "3", "--score-every", "3"))
        (folder,) = self.folders()
        lines = [json.loads(line) for line in self.read("s", folder, "metrics.jsonl").splitlines()]
        self.assertEqual([line["test_loss"] is None for line in lines], [True, True, False, False])

    def test_several_at_a_time_give_the_same(self):
        words = ["--vary", f"{RATE}=0,0.25,0.5", "--seeds", "1,2", "--json"]
        one = self.ok(*self.words(*words, out="one")).lines()
        two = self.ok(*self.words(*words, "--jobs", "2", out="two")).lines()
        points = [[line for line in lines if line["event"] == "point"] for lines in (one, two)]
        self.assertEqual(points[0], points[1])
        self.assertEqual(self.folders("one"), self.folders("two"))


class Faults(Sweeps):
    def test_a_failing_run_is_told_and_the_others_go_on(self):
        done = self.run_dropcl(*self.words("--vary", "train.optimizer.sgd.lr=0.05,1e30,0.02", "--json"))
        self.assertEqual(done.code, 70, done)
        runs = [line for line in done.lines() if line["event"] == "run"]
        self.assertEqual([run["status"] for run in runs], [0, 70, 0])
        self.assertRegex(done.err, rf"run {runs[1]['name']} failed with status 70: .*not finite")
        self.as_documented("sweep", done.lines())

    def test_nothing_starts_when_a_key_or_value_is_wrong(self):
        for code, words, says in (
            (78, ["--vary", "train.epohcs=1,2"], "epohcs"),
            (78, ["--vary", f"{RATE}=0.5,1.5"], "1.5"),
            (64, ["--vary", "model.layers.9.dense.units=1"], "matches nothing"),
            (64, ["--vary", f"{RATE}"], "KEY=V1,V2"),
            (64, ["--vary", f"{RATE}=0.5,"], "empty value"),
            (64, ["--vary", f"{RATE}=0.5,0.5"], "are the same"),
            (64, ["--vary", f"{RATE}=0.5", "--vary", f"{RATE}=0.2"], "varied twice"),
            (64, ["--vary", "train.optimizer={sgd: {lr: 1}"], "not closed"),
            (64, ["--vary", "train.seed=1,2"], "--seeds"),
            (64, ["--seeds", "1,x"], "'x' is no seed"),
            (64, ["--seeds", "1,1"], "given twice"),
            (64, ["--jobs", "0"], "--jobs"),
            (66, ["--data", self.path("none")], "none"),
            (69, ["--device", "nosuch"], "nosuch"),
        ):
            with self.subTest(words=words):
                done = self.refused(code, *self.words(*words), says=says)
                self.assertNotIn("device:", done.err)
                self.assertFalse(os.path.exists(self.path("s")))

    def test_out_must_be_a_folder(self):
        self.write("s", "a file")
        self.refused(73, *self.words(), says="is a file")

    def test_interruption_keeps_what_is_finished(self):
        words = ["--vary", "train.epochs=1,100000", "--jobs", "2", "--json"]
        command, env = self.command(*self.words(*words))
        process = subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        first = process.stdout.readline()  # the short run has ended
        self.assertIn('"finished":true', first)
        limit = time.monotonic() + 60  # the long one has begun
        while not any(self.epochs(name) for name in self.folders() if name not in first):
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, err)
        self.assertIn('"interrupted":true', out.splitlines()[-1])
        self.assertIn("runs what is not finished", err)
        self.assertEqual(len(self.folders()), 2)
        again = self.run_dropcl(*self.words("--vary", "train.epochs=1", "--json"))
        self.assertTrue(again.event("run")["kept"])

    def start_endless(self):
        """A sweep whose one training has begun, and that training's process."""
        command, env = self.command(*self.words("--vary", "train.epochs=100000"))
        process = subprocess.Popen(command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        limit = time.monotonic() + 60
        while not (os.path.isdir(self.path("s")) and any(self.epochs(name) for name in self.folders())):
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.1)
        training = children(process.pid)
        self.assertEqual(len(training), 1)
        self.addCleanup(kill, training[0])
        return process, training[0]

    def test_a_folder_takes_one_sweep_at_a_time(self):
        process, _ = self.start_endless()
        before = self.folders()
        self.refused(73, *self.words("--vary", "train.epochs=1"), says=["another sweep is running", self.path("s")])
        self.assertEqual(self.folders(), before)
        self.ok(*self.words("--vary", "train.epochs=1", out="other"))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.ok(*self.words("--vary", "train.epochs=1"))

    def test_a_killed_sweep_leaves_its_lock_to_its_trainings(self):
        process, training = self.start_endless()
        process.kill()
        process.communicate()
        self.refused(73, *self.words("--vary", "train.epochs=1"), says="another sweep is running")
        kill(training)
        limit = time.monotonic() + 60
        while self.run_dropcl(*self.words("--vary", "train.epochs=1")).code == 73:
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.1)
        self.assertTrue(self.ok(*self.words("--vary", "train.epochs=1", "--json")).event("run")["kept"])

    def epochs(self, name):
        path = self.path("s", name, "metrics.jsonl")
        return os.path.exists(path) and os.path.getsize(path) > 0


main()
