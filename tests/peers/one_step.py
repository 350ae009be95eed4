"""One optimizer step from the same weights, dropout off, against PyTorch in double precision: the loss
within 1e-6 relative, every gradient within 1e-5 of its norm.

The gradient is what the step did to the weights: with momentum starting at 0, w1 = w0 - lr g, so g is
(w0 - w1) / lr. The learning rate is 1024, which makes lr g larger than w0; the rounding of w1 to float then
hides less than 2^-23 of g."""

import os
import sys

import torch

from peer import judge, mnist, network, normaliser, read_model, scratch, train

LR = 1024
BATCH = 128
OFF = ["--set", "model.layers.*.dropout.rate=0", "--set", "train.shuffle=false"]


def main():
    with scratch() as folder:
        start, after = os.path.join(folder, "start"), os.path.join(folder, "after")
        # a hundred steps with dropout, so that the weights and biases are not the initial ones
        train(start, "--steps", "100")
        end = train(after, "--init", start, "--steps", "1", "--set", f"train.optimizer.sgd.lr={LR}", *OFF)
        before, moved = read_model(start), read_model(after)
    images, labels = mnist("train")
    net = network(torch.float64)
    net.load_state_dict(before)  # by name, strictly
    x = normaliser()(images[:BATCH], torch.float64)
    loss = torch.nn.functional.cross_entropy(net(x), labels[:BATCH])
    loss.backward()
    good = judge("loss, relative", abs(end["train_loss"] - loss.item()) / loss.item(), 1e-6)
    for name, parameter in net.named_parameters():
        gradient = (before[name].double() - moved[name].double()) / LR
        off = (gradient - parameter.grad).norm() / parameter.grad.norm()
        good &= judge(f"gradient of {name}", off.item(), 1e-5)
    return 0 if good else 1


sys.exit(main())
