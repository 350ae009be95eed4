"""Label smoothing against PyTorch's in double precision: the loss of one step within 1e-6 relative, every gradient
within 1e-5 of its norm. How gradients are read off a step is explained in one_step.py."""

import os
import sys

import torch

from peer import judge, mnist, network, normaliser, read_model, scratch, train

LR, BATCH, SHARE = 1024, 128, 0.1
OFF = ["--set", "model.layers.*.dropout.rate=0", "--set", "train.shuffle=false"]


def main():
    with scratch() as folder:
        start, after = os.path.join(folder, "start"), os.path.join(folder, "after")
        train(start, "--steps", "100")
        end = train(after, "--init", start, "--steps", "1", "--set", f"train.optimizer.sgd.lr={LR}",
                    "--set", f"train.loss={{cross_entropy: {{smoothing: {SHARE}}}}}", *OFF)
        before, moved = read_model(start), read_model(after)
    images, labels = mnist("train")
    net = network(torch.float64)
    net.load_state_dict(before)
    x = normaliser()(images[:BATCH], torch.float64)
    loss = torch.nn.functional.cross_entropy(net(x), labels[:BATCH], label_smoothing=SHARE)
    loss.backward()
    good = judge("smoothed loss, relative", abs(end["train_loss"] - loss.item()) / loss.item(), 1e-6)
    for name, parameter in net.named_parameters():
        gradient = (before[name].double() - moved[name].double()) / LR
        off = (gradient - parameter.grad).norm() / parameter.grad.norm()
        good &= judge(f"gradient of {name}", off.item(), 1e-5)
    return 0 if good else 1


sys.exit(main())
