"""One optimizer step of a batch-norm net from the same weights against PyTorch in double precision: the loss
within 1e-6 relative, every gradient within 1e-4 of its norm, the running statistics within 1e-5; and the
trained model, loaded in PyTorch by name, strictly, has the same test accuracy and loss there, though dropcl
folds batch norm into the layer before it where it can.

Behind a batch norm gradients are smaller the larger the weights are, so even with the learning rate of these
comparisons (peer.py) the figures stay far from overflow."""

import os
import sys

import torch

from peer import ONE_STEP, judge_model, judge_step, mnist, scratch, train_recipe

RECIPE = """\
dropcl: 1
model:
  name: norm-mlp
  input: [28, 28, 1]
  layers:
    - dense:     {name: fc1, units: 96, bias: false}
    - batchnorm: {name: bn1}
    - relu
    - dense:     {name: fc2, units: 48, activation: relu}
    - batchnorm: {name: bn2, momentum: 0.25, epsilon: 0.001}
    - dense:     {name: fc3, units: 10}
train:
  dataset: mnist
  batch: 128
  epochs: 1
  seed: 3
  shuffle: false
  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}
"""


def network(dtype):
    net = torch.nn.Module()
    net.fc1, net.bn1 = torch.nn.Linear(784, 96, bias=False), torch.nn.BatchNorm1d(96)
    net.fc2, net.bn2 = torch.nn.Linear(96, 48), torch.nn.BatchNorm1d(48, momentum=0.25, eps=0.001)
    net.fc3 = torch.nn.Linear(48, 10)

    def forward(x):
        x = torch.relu(net.bn1(net.fc1(x.flatten(1))))
        return net.fc3(net.bn2(torch.relu(net.fc2(x))))

    net.forward = forward
    return net.to(dtype)


def main():
    with scratch() as folder:
        recipe = os.path.join(folder, "norm.yaml")
        start, after, run = (os.path.join(folder, name) for name in ("start", "after", "run"))
        with open(recipe, "w", encoding="ascii") as file:
            file.write(RECIPE)
        # a hundred steps first, so that weights and statistics are not the initial ones
        train_recipe(recipe, start, "--steps", "100")
        end = train_recipe(recipe, after, "--init", start, *ONE_STEP)
        good = judge_step(network(torch.float64), start, after, mnist, end, 1e-4)
        end = train_recipe(recipe, run)
        good &= judge_model(network(torch.float32), run, mnist, end, 0.1)
    return 0 if good else 1


sys.exit(main())
