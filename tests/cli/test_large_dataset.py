"""A dataset that does not fit the device: refused with the numbers, not a crash half way through.
POCL is told to have 1 GiB, which makes 256 MiB its largest buffer; 350000 pictures have 262 MiB."""

import gzip
import os

from harness import FILES, IMAGES, LABELS, Case, idx, main, write_mnist

ROWS = 350_000


class Large(Case):
    def test_dataset_too_large_for_the_device(self):
        home = write_mnist(self.data, train=1, gz=True)
        for name, content in (
            (FILES["train"][0], idx(IMAGES, (ROWS, 28, 28), bytes(ROWS * 784))),
            (FILES["train"][1], idx(LABELS, (ROWS,), bytes(ROWS))),
        ):
            with gzip.open(os.path.join(home, name + ".gz"), "wb", compresslevel=1) as file:
                file.write(content)
        words = ["train", self.recipe, "--device", "pocl", "--steps", "1", "--out", self.path("run")]
        done = self.refused(71, *words, POCL_MEMORY_LIMIT="1", says=str(ROWS * 784)[:3])
        self.assertRegex(done.err, r"bytes|MiB")
        self.assertFalse(os.path.exists(self.path("run")))


main()
