"""The run script under dash, in a copy of the tree, with stand-ins for the tools it calls: what it installs, what it
only names, where it looks for MNIST."""

import os
import shutil
import stat
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Each stand-in notes how it was called. `apt-get install` makes what it installs look installed.
TOOLS = {
    "dpkg-query": '#!/bin/sh\nfor p; do :; done\ngrep -qx "$p" "$STAGE/installed" && echo "install ok installed"\n',
    "apt-get": "#!/bin/sh\n"
    'echo "apt-get $*" >>"$STAGE/log"\n'
    '[ "$1" = install ] || exit 0\n'
    '[ ! -e "$STAGE/stale" ] || { rm "$STAGE/stale"; echo "E: no such package"; exit 100; }\n'
    'shift; for p; do echo "$p" >>"$STAGE/installed"; done\n',
    "sudo": '#!/bin/sh\necho "sudo $*" >>"$STAGE/log"\n[ ! -e "$STAGE/nosudo" ] || exit 1\n[ "$1" != -n ] || exit 0\nexec "$@"\n',
    "id": '#!/bin/sh\ncat "$STAGE/uid"\n',
    "cmake": "#!/bin/sh\n"
    'echo "cmake $*" >>"$STAGE/log"\n'
    'if [ "$1" = --build ]; then\n'
    '    [ ! -e "$STAGE/broken" ] || { echo "error: broken on purpose"; exit 1; }\n'
    '    cp "$STAGE/dropcl" "$2/dropcl"\n'
    'else mkdir -p "$4" && touch "$4/build.ninja"; fi\n',
    "ctest": '#!/bin/sh\necho "ctest $*" >>"$STAGE/log"\nexit 3\n',
    "pkg-config": "#!/bin/sh\nexit 1\n",
    "ninja": "#!/bin/sh\n",
}
LIBRARIES = "ocl-icd-opencl-dev libclblast-dev libyaml-dev libjansson-dev zlib1g-dev libpng-dev libjs-chart.js"
BUILD = f"gcc libc6-dev cmake pkg-config {LIBRARIES} check"


class RunScript(unittest.TestCase):
    def setUp(self):
        self.stage = tempfile.mkdtemp(prefix="dropcl-run-")
        self.addCleanup(shutil.rmtree, self.stage, ignore_errors=True)
        self.tree = os.path.join(self.stage, "tree with blanks")
        os.makedirs(os.path.join(self.tree, "models"))
        shutil.copy(os.path.join(ROOT, "run"), self.tree)
        os.makedirs(os.path.join(self.stage, "bin"))
        for name, text in TOOLS.items():
            self.tool(os.path.join("bin", name), text)
        self.tool("dropcl", '#!/bin/sh\nfor a; do printf "<%s>" "$a"; done\n')
        self.put("uid", "0\n")
        self.put("installed", BUILD.replace(" ", "\n") + "\n")
        self.put("log", "")

    def put(self, name, text):
        with open(os.path.join(self.stage, name), "w", encoding="utf-8") as file:
            file.write(text)

    def tool(self, name, text):
        self.put(name, text)
        os.chmod(os.path.join(self.stage, name), stat.S_IRWXU)

    def log(self):
        with open(os.path.join(self.stage, "log"), encoding="utf-8") as file:
            return file.read()

    def run_script(self, *words, code=0, **environment):
        env = {
            "PATH": f"{self.stage}/bin:/usr/bin:/bin",
            "STAGE": self.stage,
            "HOME": self.stage,
            "OCL_ICD_VENDORS": "/somewhere",
        }
        env.update(environment)
        done = subprocess.run(
            ["dash", os.path.join(self.tree, "run"), *words],
            cwd=self.tree, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, code, f"{done.stdout}\n{done.stderr}\n{self.log()}")
        return done

    def test_nothing_is_installed_when_all_is_there(self):
        self.run_script("build")
        self.assertNotIn("apt-get", self.log())
        self.assertIn("-DCMAKE_BUILD_TYPE=Release", self.log())

    def test_root_installs_exactly_what_is_missing(self):
        self.put("installed", BUILD.replace("libyaml-dev", "").replace(" check", "").replace(" ", "\n"))
        done = self.run_script("build")
        self.assertIn("apt-get install -y --no-install-recommends libyaml-dev check\n", self.log())
        self.assertIn("libyaml-dev check", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_stale_package_lists_are_refreshed(self):
        self.put("installed", "")
        self.put("stale", "")
        self.run_script("build")
        calls = [line.split()[1] for line in self.log().splitlines() if line.startswith("apt-get")]
        self.assertEqual(calls, ["install", "update", "install"])

    def test_a_user_with_sudo_installs_through_it(self):
        self.put("uid", "1000\n")
        self.put("installed", "")
        self.run_script("build")
        self.assertRegex(self.log(), r"sudo env DEBIAN_FRONTEND=noninteractive apt-get install .*libclblast-dev")

    def test_a_user_without_sudo_is_told_the_packages(self):
        self.put("uid", "1000\n")
        self.put("installed", "")
        self.put("nosudo", "")
        done = self.run_script("train", code=69)
        for package in LIBRARIES.split():
            self.assertIn(package, done.stderr)
        self.assertNotIn("apt-get", self.log())

    def test_a_failed_build_shows_its_log(self):
        self.put("broken", "")
        done = self.run_script("build", code=69)
        self.assertIn("error: broken on purpose", done.stderr)

    def test_without_mnist_it_says_that_it_takes_the_synthetic_digits(self):
        done = self.run_script("train", "--epochs", "1")
        self.assertTrue(done.stdout.endswith("<--epochs><1><--set><train.dataset=synthetic>"), done.stdout)
        self.assertIn("SYNTHETIC", done.stderr)
        self.assertRegex(self.log(), r"cmake --build .* --target dropcl\n")

    def test_mnist_is_found_where_the_program_looks(self):
        share = os.path.join(self.stage, "share")
        for folder, environment in (
            (os.path.join(self.stage, "elsewhere"), {"DROPCL_DATA": os.path.join(self.stage, "elsewhere")}),
            (os.path.join(self.tree, "datasets"), {}),
            (os.path.join(share, "dropcl"), {"XDG_DATA_HOME": share}),
            (os.path.join(self.stage, ".local", "share", "dropcl"), {}),
        ):
            for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"):
                home = os.path.join(folder, "mnist")
                os.makedirs(home)
                open(os.path.join(home, name), "w", encoding="utf-8").close()
                done = self.run_script("train", "--out", "a b", **environment)
                self.assertTrue(done.stdout.endswith("models/mnist-mlp.yaml><--out><a b>"), done.stdout)
                self.assertNotIn("SYNTHETIC", done.stderr)
                shutil.rmtree(home)

    def test_a_named_folder_is_taken_as_it_is(self):
        done = self.run_script("train", "--data", "/nowhere")
        self.assertTrue(done.stdout.endswith("<--data></nowhere>"), done.stdout)

    def test_tests_run_the_daily_labels_and_keep_their_status(self):
        for package in ("python3", "oclgrind", "clang", "clang-format", "pocl-opencl-icd"):
            with open(os.path.join(self.stage, "installed"), "a", encoding="utf-8") as file:
                file.write(package + "\n")
        self.run_script("test", code=3)
        self.assertRegex(self.log(), r"ctest -L host\|cpu\|ocl\|oclgrind\|style --output-on-failure")
        self.run_script("test", "host", code=3)
        self.assertIn("ctest -L host --output-on-failure", self.log())

    def test_a_mistyped_action(self):
        self.run_script("tset", code=64)


unittest.main(verbosity=2)
