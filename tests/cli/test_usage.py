"""The words of the command line: help, versions, options, mistakes in them."""

from harness import Case, main

COMMANDS = ["train", "eval", "predict", "compare", "plan", "devices", "mask"]
MASK = "--seed 1 --layer 0 --step 0 --samples 0:2 --elements 8 --rate 0.5".split()


class Usage(Case):
    def test_help_lists_every_command(self):
        page = self.ok("--help")
        for name in COMMANDS:
            self.assertRegex(page.out, rf"(?m)^  {name} +\w", name)
        self.assertEqual(page.err, "")
        self.assertEqual(self.ok("help").out, page.out)

    def test_help_of_a_command_names_its_options(self):
        expected = {
            "train": "data device out force seed epochs steps init set json",
            "eval": "data device mc tta json",
            "predict": "images split rows data device mc tta json",
            "compare": "devices steps init dump json",
            "plan": "device",
            "devices": "json",
            "mask": "seed layer step samples elements rate kind split sha256 png device",
        }
        for name in COMMANDS:
            page = self.ok("help", name).out
            self.assertEqual(page, self.ok(name, "--help").out)
            for option in expected[name].split():
                self.assertIn(f"--{option}", page)

    def test_plan_counts_launches_where_a_device_is_named(self):
        hint = "launches: name a device with --device to count them"
        without, with_device = self.ok("plan", self.recipe).out, self.ok("plan", self.recipe, "--device", "cpu").out
        self.assertEqual(without.splitlines()[-1], hint)
        self.assertNotIn(hint, with_device)
        self.assertRegex(with_device, r"(?m)^steps: .*, \d+ launches$")

    def test_plan_help_explains_its_columns(self):
        page = self.ok("help", "plan").out
        self.assertIn("S is the number of partial sums", page)
        self.assertRegex(page, r"P, G, S, T, M are the parameters,\s+gradients, optimizer state, micro-batch sums")

    def test_version(self):
        self.assertRegex(self.ok("--version").out, r"^dropcl \d+\.\d+\.\d+\n$")

    def test_no_command_shows_the_usage_on_stderr(self):
        self.refused(64, says="Usage: dropcl")

    def test_mistyped_command_gets_a_suggestion(self):
        self.refused(64, "trian", says="did you mean 'train'")
        self.refused(64, "help", "comapre", says="did you mean 'compare'")
        for name in COMMANDS + ["bench", "sweep", "report", "help"]:
            self.refused(64, name + "x", says=f"did you mean '{name}'")
        self.refused(64, "qqqqqq", says="unknown command 'qqqqqq'")

    def test_unknown_option_gets_a_suggestion(self):
        self.refused(64, "train", self.recipe, "--sede", "1", says="did you mean --seed?")
        self.refused(64, "train", self.recipe, "-j", says="unknown option -j")

    def test_abbreviations_are_refused(self):
        self.refused(64, "train", self.recipe, "--epo", "1", says="unknown option --epo")

    def test_option_without_its_value(self):
        self.refused(64, "train", self.recipe, "--seed", says="--seed needs a value")
        self.refused(64, "train", self.recipe, "--data", "--json", says="--data needs a value")
        self.refused(64, "train", self.recipe, "--out=", says="--out wants a value")
        self.refused(64, "train", self.recipe, "--json=1", says="--json takes no value")

    def test_numbers_are_strict(self):
        for option, value in [
            ("--seed", "-1"), ("--seed", "1x"), ("--seed", "18446744073709551616"), ("--epochs", "0"),
            ("--epochs", "1.5"), ("--epochs", "99999999999"), ("--steps", "0"), ("--steps", ""),
        ]:  # fmt: skip
            self.refused(64, "train", self.recipe, option, value, says=option)
        self.refused(64, "eval", "x", "--mc", "0", says="--mc wants")
        self.refused(64, "compare", self.recipe, "--steps", "0x10", says="--steps wants")

    def test_operands_are_counted(self):
        self.refused(64, "train", says="RECIPE is missing")
        self.refused(64, "train", self.recipe, "more.yaml", says="one argument too many: more.yaml")
        self.refused(64, "devices", "gpu", says="one argument too many")

    def test_mask_fields_are_checked(self):
        self.ok("mask", *MASK, "--device", "cpu")
        for option, value in [
            ("--layer", "4096"), ("--step", "4294967296"), ("--samples", "3:3"), ("--samples", "5:4"),
            ("--samples", "4"), ("--samples", ":4"), ("--samples", "0:4294967296"), ("--elements", "0"),
            ("--rate", "1.5"), ("--rate", "-0.1"), ("--rate", "0,5"), ("--rate", "nan"), ("--kind", "zoneout"),
            ("--split", "validation"),
        ]:  # fmt: skip
            self.refused(64, "mask", *MASK, option, value, says=value)
        for option in ("--seed", "--layer", "--step", "--samples", "--elements", "--rate"):
            at = MASK.index(option)
            self.refused(64, "mask", *MASK[:at], *MASK[at + 2 :], says=f"{option}")

    def test_masks_of_weights_are_asked_by_inputs_and_outputs(self):
        at = MASK.index("--elements")
        weights = [*MASK[:at], *MASK[at + 2 :], "--kind", "dropconnect", "--device", "cpu"]
        rows = self.ok("mask", *weights, "--shape", "3,5").out.split()
        self.assertEqual({len(row) for row in rows}, {(3 + 1) * 5})
        self.refused(64, "mask", *MASK, "--kind", "dropconnect", says="takes --shape, and not --elements")
        self.refused(64, "mask", *weights, "--shape", "3,5,1", says="IN,OUT")

    def test_malformed_settings(self):
        for setting in ("train.batch", "=64", "train..batch=4"):
            self.refused(64, "train", self.recipe, "--set", setting, says=setting)

    def test_setting_that_matches_nothing(self):
        self.refused(64, "train", self.recipe, "--set", "model.layers.7.dense.units=5", says="matches nothing")
        self.refused(64, "train", self.recipe, "--set", "model.layers.*.conv.filters=5", says="matches nothing")

    def test_setting_that_the_recipe_rejects(self):
        self.refused(78, "train", self.recipe, "--set", "train.bach=64", says=["bach", "did you mean 'batch'?"])
        self.refused(78, "train", self.recipe, "--set", "model.layers.*.dropout.rate=1.5", says="rate")
        self.refused(78, "train", self.recipe, "--set", "train.epochs=two", says="epochs")

    def test_a_full_disk_behind_stdout_is_noticed(self):
        import subprocess

        for words in (("--help",), ("mask", *MASK, "--device", "cpu")):
            command, environment = self.command(*words)
            with open("/dev/full", "w") as full:
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, check=False)
            self.assertEqual(done.returncode, 74, words)
            self.assertIn(b"standard output", done.stderr)


main()
