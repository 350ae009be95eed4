"""One optimizer step from the same weights, dropout off, against PyTorch in double precision: the loss
within 1e-6 relative, every gradient within 1e-5 of its norm."""

import os
import sys

import torch

from peer import ONE_STEP, judge_step, mnist, network, scratch, train

OFF = ["--set", "model.layers.*.dropout.rate=0", "--set", "train.shuffle=false"]


def main():
    with scratch() as folder:
        start, after = os.path.join(folder, "start"), os.path.join(folder, "after")
        # a hundred steps with dropout, so that the weights and biases are not the initial ones
        train(start, "--steps", "100")
        end = train(after, "--init", start, *ONE_STEP, *OFF)
        return 0 if judge_step(network(torch.float64), start, after, mnist, end, 1e-5) else 1


sys.exit(main())
