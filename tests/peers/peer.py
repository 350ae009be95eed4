"""What the comparisons with PyTorch share: reading MNIST and model files, running dropcl. Exit status 77:
something that a comparison needs is not on this machine (CTest reports it as skipped)."""

import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
except ImportError as error:
    print(f"skipped: {error} (Debian: python3-torch, python3-numpy)")
    sys.exit(77)

torch.set_num_threads(1)
DROPCL = os.path.abspath(os.environ.get("DROPCL", "build/release/dropcl"))
DEVICE = os.environ.get("DROPCL_DEVICE", "opencl")
RECIPE = "models/mnist-mlp.yaml"


def data_folder():
    folder = os.path.join(os.environ.get("DROPCL_DATA", "datasets"), "mnist")
    if not os.path.isdir(folder):
        print(f"skipped: no MNIST in {folder}")
        sys.exit(77)
    return folder


def read_idx(name):
    path = os.path.join(data_folder(), name)
    data = open(path, "rb").read() if os.path.exists(path) else gzip.open(path + ".gz").read()
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def mnist(split):
    """Images as [N][784] uint8, labels as [N] int64."""
    prefix = {"train": "train", "test": "t10k"}[split]
    images, labels = read_idx(f"{prefix}-images-idx3-ubyte"), read_idx(f"{prefix}-labels-idx1-ubyte")
    return images.reshape(len(images), -1), torch.from_numpy(labels.astype(np.int64))


def normaliser():
    """Mean and deviation of all training pixels, measured here rather than read from the model."""
    pixels = mnist("train")[0].astype(np.float64) / 255
    mean, deviation = pixels.mean(), pixels.std()
    return lambda bytes_, dtype: torch.from_numpy((bytes_.astype(np.float64) / 255 - mean) / deviation).to(dtype)


def read_model(path):
    """safetensors: a 64-bit length, a JSON header, the tensors."""
    with open(os.path.join(path, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    model = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", entry
        first, last = entry["data_offsets"]
        model[name] = torch.from_numpy(
            np.frombuffer(body[first:last], "<f4").reshape(entry["shape"]).copy())
    return model


def network(dtype=torch.float32, rate=0.0):
    """The network of models/mnist-mlp.yaml, its layers under the recipe's names."""
    net = torch.nn.Module()
    net.fc1, net.fc2, net.fc3 = torch.nn.Linear(784, 256), torch.nn.Linear(256, 128), torch.nn.Linear(128, 10)

    def forward(x):
        x = torch.nn.functional.dropout(torch.relu(net.fc1(x)), rate, net.training)
        x = torch.nn.functional.dropout(torch.relu(net.fc2(x)), rate, net.training)
        return net.fc3(x)

    net.forward = forward
    return net.to(dtype)


def dropcl(*arguments):
    """The JSON lines of a run; a failing run ends the comparison."""
    done = subprocess.run([DROPCL, *arguments, "--device", DEVICE, "--json"], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def train_recipe(recipe, out, *arguments):
    data_folder()  # without MNIST the comparison is skipped, before anything is run
    lines = dropcl("train", recipe, "--out", out, *arguments)
    return [line for line in lines if line["event"] == "end"][-1]


def train(out, *arguments):
    return train_recipe(RECIPE, out, *arguments)


def scratch():
    return tempfile.TemporaryDirectory(prefix="dropcl-peer-")


def judge(name, value, limit):
    """Prints a figure beside its limit; False when it is too large or not a number."""
    good = value <= limit
    print(f"{'ok  ' if good else 'BAD '} {name:44s} {value:.3g}  (limit {limit:.3g})")
    return good
