"""Label smoothing against PyTorch's in double precision: the loss of one step within 1e-6 relative, every gradient
within 1e-5 of its norm."""

import os
import sys

import torch

from peer import ONE_STEP, judge_step, mnist, network, scratch, train

SHARE = 0.1
OFF = ["--set", "model.layers.*.dropout.rate=0", "--set", "train.shuffle=false"]


def main():
    with scratch() as folder:
        start, after = os.path.join(folder, "start"), os.path.join(folder, "after")
        train(start, "--steps", "100")
        smoothed = ["--set", f"train.loss={{cross_entropy: {{smoothing: {SHARE}}}}}"]
        end = train(after, "--init", start, *ONE_STEP, *smoothed, *OFF)
        return 0 if judge_step(network(torch.float64), start, after, mnist, end, 1e-5, SHARE) else 1


sys.exit(main())
