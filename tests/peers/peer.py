"""What the comparisons with PyTorch share: reading datasets and model files, running dropcl, judging a step and a
model. Exit status 77: something that a comparison needs is not on this machine (CTest reports it as skipped)."""

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


def data_folder(name):
    folder = os.path.join(os.environ.get("DROPCL_DATA", "datasets"), name)
    if not os.path.isdir(folder):
        print(f"skipped: no {name} in {folder}")
        sys.exit(77)
    return folder


def read_file(dataset, name):
    path = os.path.join(data_folder(dataset), name)
    return open(path, "rb").read() if os.path.exists(path) else gzip.open(path + ".gz").read()


def read_idx(name):
    data = read_file("mnist", name)
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def labels_of(bytes_):
    return torch.from_numpy(bytes_.astype(np.int64))


def mnist(split):
    """Images as [N][1][28][28] uint8, labels as [N] int64."""
    prefix = {"train": "train", "test": "t10k"}[split]
    images, labels = read_idx(f"{prefix}-images-idx3-ubyte"), read_idx(f"{prefix}-labels-idx1-ubyte")
    return images[:, None], labels_of(labels)


def cifar(split):
    """Images as [N][3][32][32] uint8, labels as [N] int64."""
    names = {"train": [f"data_batch_{k}.bin" for k in range(1, 6)], "test": ["test_batch.bin"]}[split]
    records = np.frombuffer(b"".join(read_file("cifar-10", name) for name in names), np.uint8).reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32), labels_of(records[:, 0])


def normaliser(read):
    """Mean and deviation of each channel over all training pixels, measured here rather than read from the model."""
    images, values = read("train")[0], np.arange(256) / 255
    channels = images.shape[1]
    parts = np.array_split(images, 10)  # counting needs eight bytes a pixel
    counts = [sum(np.bincount(part[:, c].ravel(), minlength=256) for part in parts) for c in range(channels)]
    share = np.array(counts) / (images.size // channels)
    mean = share @ values
    deviation = np.sqrt((share * (values - mean[:, None]) ** 2).sum(1))

    def normalise(bytes_, dtype):
        x = (bytes_.astype(np.float64) / 255 - mean[:, None, None]) / deviation[:, None, None]
        return torch.from_numpy(x).to(dtype)

    return normalise


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
        x = torch.nn.functional.dropout(torch.relu(net.fc1(x.flatten(1))), rate, net.training)
        x = torch.nn.functional.dropout(torch.relu(net.fc2(x)), rate, net.training)
        return net.fc3(x)

    net.forward = forward
    return net.to(dtype)


def dropcl(*arguments):
    """The JSON lines of a run; a failing run ends the comparison."""
    done = subprocess.run([DROPCL, *arguments, "--device", DEVICE, "--json"], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def train_recipe(recipe, out, *arguments, dataset="mnist"):
    data_folder(dataset)  # without it the comparison is skipped, before anything is run
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


# The gradient is what a step did to the weights: with momentum starting at 0, w1 = w0 - lr g, so g is
# (w0 - w1) / lr. The learning rate is so large that lr g is larger than w0; the rounding of w1 to float then hides
# less than 2^-23 of g.
LR, BATCH = 1024, 128
ONE_STEP = ["--steps", "1", "--set", f"train.optimizer.sgd.lr={LR}"]


def judge_step(net, before, after, read, end, limit, smoothing=0.0):
    """One step of dropcl on the first BATCH training rows, from the model in folder `before` to the one in `after`,
    against the network in double from the same weights: the loss within 1e-6, each gradient within `limit` of its
    norm, running statistics within 1e-5."""
    before, after = read_model(before), read_model(after)
    images, labels = read("train")
    net.load_state_dict(before)  # by name, strictly
    x = normaliser(read)(images[:BATCH], torch.float64)
    loss = torch.nn.functional.cross_entropy(net(x), labels[:BATCH], label_smoothing=smoothing)
    loss.backward()
    good = judge("loss, relative", abs(end["train_loss"] - loss.item()) / loss.item(), 1e-6)
    for name, parameter in net.named_parameters():
        gradient = (before[name].double() - after[name].double()) / LR
        off = (gradient - parameter.grad).norm() / parameter.grad.norm()
        good &= judge(f"gradient of {name}", off.item(), limit)
    for name, statistic in net.named_buffers():
        if not name.endswith("num_batches_tracked"):
            off = (after[name].double() - statistic).norm() / statistic.norm()
            good &= judge(name, off.item(), 1e-5)
    return good


def judge_model(net, run, read, end, errors):
    """The model in folder `run` on the test set: PyTorch, the end of its training and `dropcl eval` agree, and not
    because nothing was learned: at most this share is wrong."""
    evaluated = dropcl("eval", run)[-1]
    net.load_state_dict(read_model(run))
    net.eval()
    images, labels = read("test")
    normalise = normaliser(read)
    with torch.no_grad():
        parts = [net(normalise(images[at : at + 1000], torch.float32)) for at in range(0, len(images), 1000)]
    logits = torch.cat(parts)
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    loss = torch.nn.functional.cross_entropy(logits.double(), labels).item()
    # one row in 10000 may sit so close to a tie that another order of summation decides it
    good = judge("accuracy against PyTorch", abs(end["test_accuracy"] - accuracy), 1.01e-4)
    good &= judge("loss against PyTorch, relative", abs(end["test_loss"] - loss) / loss, 1e-5)
    good &= judge("accuracy against dropcl eval", abs(end["test_accuracy"] - evaluated["test_accuracy"]), 1e-9)
    good &= judge("loss against dropcl eval", abs(end["test_loss"] - evaluated["test_loss"]), 1e-9)
    return good & judge("errors, so that equal means something", 1 - accuracy, errors)
