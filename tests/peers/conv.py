"""Convolutional networks against PyTorch.

On CIFAR-10, one optimizer step in double precision of a network with plain, strided and depthwise convolutions, maximum and
average pooling, batch norm and a residual block: the loss within 1e-6 relative, every gradient within 1e-4 of its norm, the running
statistics within 1e-5. (A ReLU so near its kink that float and double take different sides shows in the fifth
digit.) The same model scores the same in PyTorch's eval mode, where batch norm is a layer; dropcl folds it into the
convolution before it.

On MNIST, models/mnist-cnn.yaml after 200 steps, loaded by name, strictly: convolutions [out][in][kh][kw], the rows of
the dense layer behind the maps in the order C, H, W."""

import os
import sys

import torch
from torch.nn import AvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d
from torch.nn.functional import pad

from peer import ONE_STEP, cifar, judge_model, judge_step, mnist, scratch, train_recipe

RECIPE = """\
dropcl: 1
model:
  name: conv-peer
  input: [32, 32, 3]
  layers:
    - conv:      {name: c1, filters: 16, kernel: 3, pad: same, bias: false}
    - batchnorm: {name: b1}
    - relu
    - maxpool:   {size: 3, stride: 2, pad: 1}
    - conv:      {name: c2, filters: 24, kernel: 3, stride: 2, pad: same, activation: relu}
    - batchnorm: {name: b2, momentum: 0.25, epsilon: 0.001}
    - relu
    - conv:      {name: dw, filters: 24, kernel: 3, pad: same, depthwise: true, bias: false}
    - batchnorm: {name: b3}
    - relu
    - avgpool:   {size: 3, stride: 1, pad: 1}
    - residual:
        activation: relu
        body:
          - conv:      {name: r1, filters: 32, kernel: 3, stride: 2, pad: 1, bias: false}
          - batchnorm: {name: rb1}
          - relu
          - conv:      {name: r2, filters: 32, kernel: 3, pad: same, bias: false}
          - batchnorm: {name: rb2}
        shortcut:
          - conv:      {name: rs, filters: 32, kernel: 1, stride: 2, bias: false}
          - batchnorm: {name: rb3}
    - conv:      {name: c3, filters: 20, kernel: [2, 3], activation: relu}
    - dense:     {name: fc, units: 10}
train:
  dataset: cifar-10
  batch: 128
  epochs: 1
  seed: 3
  shuffle: false
  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}
"""


def residual_network(dtype):
    """RECIPE, its layers under the recipe's names."""
    net = torch.nn.Module()
    net.c1, net.b1 = Conv2d(3, 16, 3, padding=1, bias=False), BatchNorm2d(16)
    net.c2, net.b2 = Conv2d(16, 24, 3, stride=2), BatchNorm2d(24, momentum=0.25, eps=0.001)
    net.dw, net.b3 = Conv2d(24, 24, 3, padding=1, groups=24, bias=False), BatchNorm2d(24)
    net.r1, net.rb1 = Conv2d(24, 32, 3, stride=2, padding=1, bias=False), BatchNorm2d(32)
    net.r2, net.rb2 = Conv2d(32, 32, 3, padding=1, bias=False), BatchNorm2d(32)
    net.rs, net.rb3 = Conv2d(24, 32, 1, stride=2, bias=False), BatchNorm2d(32)
    net.c3, net.fc = Conv2d(32, 20, (2, 3)), Linear(20 * 3 * 2, 10)
    maxpool = MaxPool2d(3, stride=2, padding=1)
    avgpool = AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def forward(x):
        x = maxpool(torch.relu(net.b1(net.c1(x))))
        # `same` at stride 2: one more zero is needed than pixels are there, and it goes to the end
        x = torch.relu(net.b2(torch.relu(net.c2(pad(x, (0, 1, 0, 1))))))
        x = avgpool(torch.relu(net.b3(net.dw(x))))
        body = net.rb2(net.r2(torch.relu(net.rb1(net.r1(x)))))
        x = torch.relu(net.c3(torch.relu(body + net.rb3(net.rs(x)))))
        return net.fc(x.flatten(1))

    net.forward = forward
    return net.to(dtype)


def mnist_network():
    """models/mnist-cnn.yaml in eval mode."""
    net = torch.nn.Module()
    net.conv1, net.conv2 = Conv2d(1, 32, 5), Conv2d(32, 64, 5)
    net.fc1, net.fc2 = Linear(64 * 4 * 4, 128), Linear(128, 10)
    maxpool = MaxPool2d(2)

    def forward(x):
        x = maxpool(torch.relu(net.conv2(maxpool(torch.relu(net.conv1(x))))))
        return net.fc2(torch.relu(net.fc1(x.flatten(1))))

    net.forward = forward
    return net


def main():
    with scratch() as folder:
        recipe = os.path.join(folder, "conv.yaml")
        start, after, run = (os.path.join(folder, name) for name in ("start", "after", "run"))
        with open(recipe, "w", encoding="ascii") as file:
            file.write(RECIPE)
        # fifty steps first, so that weights and statistics are not the initial ones
        first = train_recipe(recipe, start, "--steps", "50", dataset="cifar-10")
        end = train_recipe(recipe, after, "--init", start, *ONE_STEP, dataset="cifar-10")
        good = judge_step(residual_network(torch.float64), start, after, cifar, end, 1e-4)
        good &= judge_model(residual_network(torch.float32), start, cifar, first, 0.8)
        end = train_recipe("models/mnist-cnn.yaml", run, "--steps", "200")
        good &= judge_model(mnist_network(), run, mnist, end, 0.1)
    return 0 if good else 1


sys.exit(main())
