"""One optimizer step of a batch-norm net from the same weights against PyTorch in double precision: the loss
within 1e-6 relative, every gradient within 1e-4 of its norm, the running statistics within 1e-5; and the
trained model, loaded in PyTorch by name, strictly, has the same test accuracy and loss there, though dropcl
folds batch norm into the layer before it where it can.

Gradients are read off the step as in one_step.py. The learning rate is 1024 here too; behind a batch norm
gradients are smaller the larger the weights are, so the figures stay far from overflow."""

import os
import sys

import torch

from peer import dropcl, judge, mnist, normaliser, read_model, scratch, train_recipe

LR = 1024
BATCH = 128
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
        x = torch.relu(net.bn1(net.fc1(x)))
        return net.fc3(net.bn2(torch.relu(net.fc2(x))))

    net.forward = forward
    return net.to(dtype)


def compare_step(recipe, start, after):
    """A hundred steps first, so that weights and statistics are not the initial ones."""
    train_recipe(recipe, start, "--steps", "100")
    end = train_recipe(recipe, after, "--init", start, "--steps", "1", "--set", f"train.optimizer.sgd.lr={LR}")
    before, moved = read_model(start), read_model(after)
    images, labels = mnist("train")
    net = network(torch.float64)
    net.load_state_dict(before)
    loss = torch.nn.functional.cross_entropy(net(normaliser()(images[:BATCH], torch.float64)), labels[:BATCH])
    loss.backward()
    good = judge("loss, relative", abs(end["train_loss"] - loss.item()) / loss.item(), 1e-6)
    for name, parameter in net.named_parameters():
        gradient = (before[name].double() - moved[name].double()) / LR
        off = (gradient - parameter.grad).norm() / parameter.grad.norm()
        good &= judge(f"gradient of {name}", off.item(), 1e-4)
    for name, statistic in net.named_buffers():
        if name.endswith("num_batches_tracked"):
            continue
        off = (moved[name].double() - statistic).norm() / statistic.norm()
        good &= judge(name, off.item(), 1e-5)
    return good


def compare_model(recipe, run):
    end = train_recipe(recipe, run)
    evaluated = dropcl("eval", run)[-1]["test_accuracy"]
    net = network(torch.float32)
    net.load_state_dict(read_model(run))
    net.eval()
    images, labels = mnist("test")
    with torch.no_grad():
        logits = net(normaliser()(images, torch.float32))
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    loss = torch.nn.functional.cross_entropy(logits.double(), labels).item()
    # one row in 10000 may sit so close to a tie that another order of summation decides it
    good = judge("accuracy against PyTorch", abs(end["test_accuracy"] - accuracy), 1.01e-4)
    good &= judge("loss against PyTorch, relative", abs(end["test_loss"] - loss) / loss, 1e-5)
    good &= judge("accuracy against dropcl eval", abs(end["test_accuracy"] - evaluated), 1e-9)
    return good & judge("errors, so that equal means something", 1 - accuracy, 0.1)


def main():
    with scratch() as folder:
        recipe = os.path.join(folder, "norm.yaml")
        with open(recipe, "w") as file:
            file.write(RECIPE)
        good = compare_step(recipe, os.path.join(folder, "start"), os.path.join(folder, "after"))
        good &= compare_model(recipe, os.path.join(folder, "run"))
    return 0 if good else 1


sys.exit(main())
