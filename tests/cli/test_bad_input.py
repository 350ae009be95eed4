"""Every bad input has its exit code and a message that says what is wrong, and loses nothing."""

import gzip
import os
import struct

from harness import DEVICE, FILES, IMAGES, LABELS, RECIPE, Case, idx, join_tensors, main, split_tensors, write_mnist


class Recipes(Case):
    """A recipe error prints FILE:LINE:COL: error:, the line and a caret, and touches no device."""

    def fault(self, old, new, *says, line=None):
        self.assertIn(old, RECIPE)
        path = self.write("bad.yaml", RECIPE.replace(old, new))
        # A device that does not exist would be 69: the recipe is judged first.
        done = self.refused(78, "train", path, "--device", "nosuch", says=says)
        self.assertRegex(done.err, r"(?m)^\S*bad\.yaml:\d+:\d+: error: ")
        self.assertRegex(done.err, r"(?m)^\s*\^")
        if line:
            self.assertIn(f"bad.yaml:{line}:", done.err)
        self.refused(78, "plan", path, says=says)

    def test_mistyped_key(self):
        self.fault("momentum:", "momentun:", "momentun", "momentum", line=14)

    def test_mistyped_layer(self):
        self.fault("- dropout:", "- droupout:", "droupout", "dropout", line=7)

    def test_unknown_dataset(self):
        self.fault("dataset: mnist", "dataset: mnits", "train.dataset", "mnits", "did you mean 'mnist'", line=10)
        for command in ("train", "plan"):
            says = ["--set train.dataset=svhn: error:", "known: mnist, cifar-10, synthetic"]
            words = [self.recipe, "--device", "nosuch", "--set", "train.dataset=svhn"]
            done = self.refused(78, command, *words, says=says)
            self.assertNotIn("device:", done.err)

    def test_wrong_type(self):
        self.fault("epochs: 2", "epochs: many", "epochs", line=12)
        self.fault("input: [28, 28, 1]", "input: {a: 1}", "input", line=4)

    def test_rate_above_one(self):
        self.fault("rate: 0.5", "rate: 1.5", "rate", line=7)

    def test_rate_with_a_comma(self):
        self.fault("{rate: 0.5}", "{rate: 0,5}", line=7)
        self.fault("{rate: 0.5}", "{rate: '0,5'}", "0,5", line=7)

    def test_number_with_trailing_letters(self):
        self.fault("units: 24", "units: 256x", "256x", line=6)

    def test_no_layers(self):
        head, _, tail = RECIPE.partition("  layers:")
        body = head + "  layers: []\n" + tail[tail.index("train:") :]
        self.refused(78, "train", self.write("bad.yaml", body), says=["layers", "error:"])

    def test_duplicate_key(self):
        self.fault("batch: 32", "batch: 32\n  batch: 64", "batch", line=12)

    def test_anchors_are_refused(self):
        self.fault("rate: 0.5", "rate: &a 0.5", line=7)

    def test_all_faults_are_reported(self):
        text = RECIPE.replace("rate: 0.5", "rate: 2").replace("units: 24", "units: none").replace("seed:", "sede:")
        done = self.refused(78, "train", self.write("bad.yaml", text))
        self.assertEqual(done.err.count("error:"), 3, done)

    def test_broken_yaml(self):
        self.refused(78, "train", self.write("bad.yaml", "model: [1,\n"), says="error:")
        self.refused(78, "train", self.write("bad.yaml", b"\xff\xfe\x00garbage"), says="error")

    def test_shape_mismatch(self):
        """The last layer must give one logit for each class."""
        write_mnist(self.data)
        path = self.write("bad.yaml", RECIPE.replace("units: 10", "units: 7"))
        done = self.run_dropcl("train", path, "--device", "cpu", "--out", self.path("run"))
        self.assertEqual(done.code, 78, done)
        self.assertIn("10", done.err)
        self.assertFalse(os.path.exists(self.path("run")), "an empty folder was left behind")

    def test_input_that_is_not_the_datasets(self):
        write_mnist(self.data)
        path = self.write("bad.yaml", RECIPE.replace("[28, 28, 1]", "[32, 32, 1]"))
        done = self.run_dropcl("train", path, "--device", "cpu", "--out", self.path("run"))
        self.assertEqual(done.code, 78, done)
        self.assertIn("28", done.err)

    def test_validation_that_leaves_nothing(self):
        write_mnist(self.data)
        path = self.write("bad.yaml", RECIPE.replace("seed: 1", "seed: 1\n  validation: 512"))
        says = ["bad.yaml: error: train.validation holds out 512 of the 512 training rows"]
        self.refused(78, "train", path, "--device", "cpu", "--out", self.path("run"), says=says)
        self.assertFalse(os.path.exists(self.path("run")), "an empty folder was left behind")

    def test_missing_recipe(self):
        self.refused(66, "train", self.path("none.yaml"), says="none.yaml")

    def test_a_folder_is_no_recipe(self):
        self.refused(74, "train", self.folder, says=self.folder)


class Datasets(Case):
    def refuse_data(self, code, *says):
        self.refused(
            code, "train", self.recipe, "--data", self.data, "--device", "cpu", "--out", self.path("run"), says=says
        )
        self.assertFalse(os.path.exists(self.path("run")), "an empty folder was left behind")

    def damage(self, name, content):
        write_mnist(self.data)
        with open(os.path.join(self.data, "mnist", name), "wb") as file:
            file.write(content)

    def test_missing_dataset_names_the_files_looked_for(self):
        done = self.refused(66, "train", self.recipe, "--device", "cpu", says=["train-images-idx3-ubyte", self.data])
        self.assertFalse(os.path.exists(self.path("runs", "tiny-1")), done)

    def test_missing_file_of_a_dataset(self):
        write_mnist(self.data)
        os.unlink(os.path.join(self.data, "mnist", "t10k-labels-idx1-ubyte"))
        self.refuse_data(66, "t10k-labels-idx1-ubyte")

    def test_truncated_header(self):
        self.damage(FILES["train"][0], struct.pack(">II", IMAGES, 512))
        self.refuse_data(65, FILES["train"][0])

    def test_truncated_body(self):
        self.damage(FILES["train"][0], idx(IMAGES, (512, 28, 28), bytes(511 * 784)))
        self.refuse_data(65, FILES["train"][0])

    def test_oversized_body(self):
        self.damage(FILES["train"][0], idx(IMAGES, (512, 28, 28), bytes(512 * 784 + 1)))
        self.refuse_data(65, FILES["train"][0])

    def test_wrong_magic(self):
        self.damage(FILES["train"][0], idx(LABELS, (512, 28, 28), bytes(512 * 784)))
        self.refuse_data(65, FILES["train"][0])

    def test_lying_row_count(self):
        """4 billion rows promised: refused from the file's size, without asking for the memory."""
        self.damage(FILES["train"][0], idx(IMAGES, (0xFFFFFFFF, 28, 28), bytes(784)))
        self.refuse_data(65, FILES["train"][0])
        self.damage(FILES["train"][0], idx(IMAGES, (0x80000000, 0x80000000, 4), bytes(784)))
        self.refuse_data(65, FILES["train"][0])

    def test_images_and_labels_of_different_length(self):
        self.damage(FILES["train"][1], idx(LABELS, (511,), bytes(511)))
        self.refuse_data(65, "511", "512")

    def test_label_out_of_range(self):
        self.damage(FILES["test"][1], idx(LABELS, (128,), bytes(127) + b"\x0a"))
        self.refuse_data(65, FILES["test"][1], "10")

    def test_empty_file(self):
        self.damage(FILES["test"][0], b"")
        self.refuse_data(65, FILES["test"][0])

    def test_corrupt_gzip(self):
        home = write_mnist(self.data, gz=True)
        path = os.path.join(home, FILES["train"][0] + ".gz")
        with open(path, "rb") as file:
            whole = file.read()
        for broken in (whole[: len(whole) // 2], whole[:-6] + b"\x00" * 6, b"\x1f\x8b" + b"\xff" * 40, b"no gzip"):
            with open(path, "wb") as file:
                file.write(broken)
            self.refuse_data(65, FILES["train"][0] + ".gz")

    def test_no_rows_at_all(self):
        self.damage(FILES["train"][0], idx(IMAGES, (0, 28, 28), b""))
        with open(os.path.join(self.data, "mnist", FILES["train"][1]), "wb") as file:
            file.write(idx(LABELS, (0,), b""))
        self.refuse_data(65, FILES["train"][0])


class Devices(Case):
    def test_unknown_device_lists_the_known_ones(self):
        for words in (["train", self.recipe, "--out", self.path("run")], ["plan", self.recipe]):
            self.refused(69, *words, "--device", "nosuch", says=["nosuch", "cpu"])
        self.assertFalse(os.path.exists(self.path("run")))
        self.refused(69, "compare", self.recipe, "--devices", "cpu,nosuch", says="nosuch")
        self.refused(69, "train", self.recipe, "--device", "77:0", says="77:0")

    def test_without_opencl_the_reference_remains(self):
        write_mnist(self.data)
        nothing = self.path("vendors")
        os.makedirs(nothing)
        none = {"OCL_ICD_VENDORS": nothing}
        self.refused(69, "train", self.recipe, "--device", "opencl", "--out", self.path("run"), says="opencl", **none)
        self.refused(69, "train", self.recipe, "--device", "gpu", "--out", self.path("run"), says="gpu", **none)
        self.refused(69, "compare", self.recipe, says="OpenCL", **none)
        listed = [line["kind"] for line in self.ok("devices", "--json", **none).lines()]
        self.assertEqual(listed, ["reference"])
        done = self.ok("train", self.recipe, "--steps", "2", "--out", self.path("run"), **none)
        self.assertRegex(done.err, r"(?m)^device: .*reference")

    def test_one_name_is_not_two_devices(self):
        self.refused(64, "compare", self.recipe, "--devices", "cpu", says="A,B")


class Places(Case):
    def test_unwritable_out_is_refused_before_training(self):
        write_mnist(self.data)
        self.write("file", "x")
        # Root may write anywhere but below a file and into /proc.
        for out, named in (
            (self.path("file"), self.path("file")),
            (self.path("file", "run"), self.path("file")),
            ("/proc/nosuch/run", "/proc/nosuch"),
        ):
            done = self.refused(73, "train", self.recipe, "--device", "cpu", "--out", out, says=named)
            self.assertNotIn("epoch", done.err)
        self.assertEqual(self.read("file"), b"x")

    def test_unwritable_runs(self):
        write_mnist(self.data)
        self.write("runs", "a file in the way")
        self.refused(73, "train", self.recipe, "--device", "cpu", says="runs")

    def test_unwritable_dump(self):
        write_mnist(self.data)
        self.write("file", "x")
        self.refused(73, "compare", self.recipe, "--devices", "cpu,cpu", "--dump", self.path("file", "d"), says="file")


class Models(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data)
        self.train("--steps", "4")
        self.model = self.path("run", "model.safetensors")
        self.whole = self.read("run", "model.safetensors")

    def parts(self):
        return split_tensors(self.whole)

    def refuse_model(self, content, *says):
        path = self.write("bad.safetensors", content)
        self.refused(65, "eval", path, "--device", "cpu", says=says)
        self.refused(65, "train", self.recipe, "--device", "cpu", "--init", path, "--out", self.path("new"), says=says)
        self.assertFalse(os.path.exists(self.path("new")))

    def test_untouched_parts_join_to_a_good_model(self):
        """So that the refusals below are for the damage and not for the way it was done."""
        self.ok("eval", self.write("good.safetensors", join_tensors(*self.parts())), "--device", "cpu")

    def test_truncated(self):
        for size in (0, 4, 8, 100, len(self.whole) - 1):
            self.refuse_model(self.whole[:size], "bad.safetensors")

    def test_trailing_bytes(self):
        self.refuse_model(self.whole + b"\x00", "bad.safetensors")

    def test_huge_header(self):
        self.refuse_model(struct.pack("<Q", 2**63) + self.whole[8:], "bad.safetensors")

    def test_header_that_is_no_json(self):
        self.refuse_model(self.whole[:8] + b"!" + self.whole[9:], "bad.safetensors")

    def test_a_recipe_is_no_model(self):
        says = ["tiny.yaml: is no safetensors file", "a recipe is for `dropcl train`"]
        self.refused(65, "eval", self.recipe, "--device", "cpu", says=says)
        # A header that the format allows and the file is too short for.
        short = struct.pack("<Q", 99) + b"{}"
        done = self.refused(65, "eval", self.write("short.bin", short), "--device", "cpu", says="is no safetensors file")
        self.assertNotIn("dropcl train", done.err)
        self.refused(65, "eval", self.write("short.yml", short), "--device", "cpu", says=["no safetensors", "dropcl train"])

    def test_missing_tensor(self):
        header, body = self.parts()
        header["elsewhere"] = header.pop("fc2.weight")
        self.refuse_model(join_tensors(header, body), "fc2.weight")

    def test_wrong_shape(self):
        header, body = self.parts()
        header["fc1.weight"]["shape"] = header["fc1.weight"]["shape"][::-1]
        self.refuse_model(join_tensors(header, body), "fc1.weight")

    def test_wrong_dtype(self):
        header, body = self.parts()
        header["fc1.weight"]["dtype"] = "I32"
        self.refuse_model(join_tensors(header, body), "fc1.weight")

    def test_without_metadata(self):
        header, body = self.parts()
        del header["__metadata__"]
        self.refuse_model(join_tensors(header, body), "bad.safetensors")

    def test_newer_format_is_refused_by_name(self):
        header, body = self.parts()
        for key, newer in (("format", "dropcl-model-99"), ("mask_contract", "99")):
            self.assertIn(key, header["__metadata__"])
            metadata = dict(header["__metadata__"], **{key: newer})
            self.refuse_model(join_tensors(dict(header, __metadata__=metadata), body), newer)

    def test_damaged_recipe_inside(self):
        header, body = self.parts()
        header["__metadata__"]["recipe"] = header["__metadata__"]["recipe"].replace("units", "unitz")
        path = self.write("bad.safetensors", join_tensors(header, body))
        self.refused(65, "eval", path, "--device", "cpu", says="unitz")

    def test_model_of_another_shape(self):
        """A good model, for another recipe: it does not fit, and says where."""
        other = self.write("other.yaml", RECIPE.replace("units: 24", "units: 25"))
        done = self.refused(
            65, "train", other, "--device", "cpu", "--init", self.model, "--out", self.path("new"), says="fc1.weight"
        )
        self.assertFalse(os.path.exists(self.path("new")), done)

    def test_missing_model(self):
        self.refused(66, "eval", self.path("none.safetensors"), "--device", "cpu", says="none.safetensors")
        os.makedirs(self.path("empty"))
        self.refused(66, "eval", self.path("empty"), "--device", "cpu", says="model.safetensors")

    def test_bad_input_loses_nothing(self):
        """--force with a recipe, a dataset or a model that turns out bad leaves the old run as it was."""
        out = self.path("run")
        before = {name: self.read("run", name) for name in os.listdir(out)}
        self.refused(66, "train", self.recipe, "--out", out, "--force", "--device", "cpu", "--data", self.path("no"))
        self.refused(69, "train", self.recipe, "--out", out, "--force", "--device", "nosuch")
        bad = self.write("bad.safetensors", self.whole[:-1])
        self.refused(65, "train", self.recipe, "--out", out, "--force", "--device", "cpu", "--init", bad)
        self.assertEqual(before, {name: self.read("run", name) for name in os.listdir(out)})


class Numbers(Case):
    def test_non_finite_loss_names_step_and_tensor(self):
        write_mnist(self.data)
        done = self.refused(
            70, "train", self.recipe, "--device", DEVICE, "--out", self.path("run"), "--set", "train.optimizer.sgd.lr=1e30"
        )
        self.assertRegex(done.err, r"step \d+")
        self.assertRegex(done.err, r"fc[12]")
        self.assertFalse(os.path.exists(self.path("run", "model.safetensors")))


main()
