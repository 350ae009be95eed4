"""The network of a recipe in PyTorch: what cnn_vs_peers.py runs under PyTorch's interpreter, one process for each.

    PYTHON cnn_peers.py RECIPE.json --batch N --rows N --threads 1,2 [--data DIR] [--compile]

Asked for {"configuration"} it answers with samples per second: the median of WINDOWS windows of rows / batch optimizer
steps, behind one window that is not counted; so does `dropcl bench`.

PyTorch gets its best chance: rows in memory as normalised float32, in the layout that the network wants, picked by an
index, no data loader, nothing read back, a fused optimizer where there is one, and every combination of threads,
layout (NCHW, channels_last) and, where asked for, torch.compile. It does less than the recipe says: LIGHTER has what."""

import argparse
import json
import math
import statistics
import time

from serve import compiles, fused, read_file, read_idx, seconds_of, serve

WINDOWS = 3
LIGHTER = (
    ("augment", "pictures are not augmented"),
    ("dropblock", "DropBlock, which PyTorch lacks, is Dropout2d: one draw for each channel instead of one for each element"),
    ("ema", "no averaged model is kept"),
    ("schedule", "learning rate and dropout rates stay constant"),
)


class Unknown(Exception):
    """What a recipe may say and this file has no counterpart for."""


# ---- the network ----


def pair(value):
    return (value if len(value) == 2 else value * 2) if isinstance(value, list) else [value] * 2


def padding(size, kernel, stride, pad):
    """Along one axis, before and behind."""
    if pad == "same":
        missing = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        return missing // 2, missing - missing // 2
    return (0, 0) if pad == "valid" else (pad, pad)


def activation(nn, name, settings=None, inplace=False):
    table = {
        "linear": nn.Identity, "relu": lambda: nn.ReLU(inplace), "elu": lambda: nn.ELU(settings.get("alpha", 1.0)),
        "leaky_relu": lambda: nn.LeakyReLU(settings.get("slope", 0.01)), "selu": nn.SELU, "gelu": nn.GELU,
        "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "hardswish": nn.Hardswish,
    }  # fmt: skip
    settings = settings or {}
    return table[name]() if name in table else None


class Builder:
    """Layers one by one, each by its make_TYPE; a probe of two samples tells it the shape of its input."""

    def __init__(self, torch):
        self.torch, self.nn = torch, torch.nn
        nn = torch.nn

        class Residual(nn.Module):
            def __init__(self, body, shortcut, last):
                super().__init__()
                self.body, self.shortcut, self.last = body, shortcut, last

            def forward(self, x):
                return self.last(self.body(x) + self.shortcut(x))

        self.residual_module = Residual

    def sequence(self, layers, probe, own_input=True):
        """The layers, and the probe behind them. own_input: nobody else reads the input."""
        parts = []
        for i, layer in enumerate(layers):
            kind, settings = next(iter(layer.items())) if isinstance(layer, dict) else (layer, None)
            for part in self.layer(kind, settings or {}, probe, own_input or i > 0):
                parts.append(part)
                probe = part(probe)
        return self.nn.Sequential(*parts), probe

    def layer(self, kind, settings, probe, own_input):
        if "from" in settings:
            raise Unknown("from")
        make = getattr(self, f"make_{kind}", None)
        if make:
            return [part for part in make(settings, probe) if not isinstance(part, self.nn.Identity)]
        simple = activation(self.nn, kind, settings, own_input)
        if simple is None:
            raise Unknown(f"layer {kind}")
        return [simple]

    def make_dense(self, settings, probe):
        flat = [self.nn.Flatten()] if probe.dim() > 2 else []
        linear = self.nn.Linear(probe[0].numel(), settings["units"], settings.get("bias", True))
        return [*flat, linear, activation(self.nn, settings.get("activation", "linear"), inplace=True)]

    def make_conv(self, settings, probe):
        nn, kernel, stride = self.nn, pair(settings["kernel"]), settings.get("stride", 1)
        pads = [padding(n, k, stride, settings.get("pad", "valid")) for n, k in zip(probe.shape[2:], kernel)]
        (top, bottom), (left, right) = pads
        even = top == bottom and left == right
        conv = nn.Conv2d(probe.shape[1], settings["filters"], kernel, stride, (top, left) if even else 0,
                         groups=probe.shape[1] if settings.get("depthwise") else 1, bias=settings.get("bias", True))  # fmt: skip
        around = [] if even else [nn.ZeroPad2d((left, right, top, bottom))]
        return [*around, conv, activation(nn, settings.get("activation", "linear"), inplace=True)]

    def make_batchnorm(self, settings, probe):
        norm = self.nn.BatchNorm2d if probe.dim() == 4 else self.nn.BatchNorm1d
        return [norm(probe.shape[1], float(settings.get("epsilon", 1e-5)), float(settings.get("momentum", 0.1)))]

    def pool(self, pool, settings, probe, **more):
        size = pair(settings["size"])
        stride = [settings["stride"]] * 2 if "stride" in settings else size
        pads = [padding(n, k, s, settings.get("pad", "valid")) for n, k, s in zip(probe.shape[2:], size, stride)]
        if any(before != behind for before, behind in pads):
            raise Unknown("pooling with more padding on one side")
        return [pool(size, stride, [before for before, _ in pads], **more)]

    def make_maxpool(self, settings, probe):
        return self.pool(self.nn.MaxPool2d, settings, probe)

    def make_avgpool(self, settings, probe):
        return self.pool(self.nn.AvgPool2d, settings, probe, count_include_pad=False)

    def make_globalavgpool(self, settings, probe):
        return [self.nn.AdaptiveAvgPool2d(1), self.nn.Flatten()]

    def make_globalmaxpool(self, settings, probe):
        return [self.nn.AdaptiveMaxPool2d(1), self.nn.Flatten()]

    def make_flatten(self, settings, probe):
        return [self.nn.Flatten()]

    def make_dropout(self, settings, probe):
        return [self.nn.Dropout(settings["rate"])]

    def make_dropout2d(self, settings, probe):
        return [self.nn.Dropout2d(settings["rate"])]

    make_dropblock = make_dropout2d

    def make_residual(self, settings, probe):
        body, _ = self.sequence(settings["body"], probe, own_input=False)
        shortcut, _ = self.sequence(settings.get("shortcut", []), probe, own_input=False)
        last = activation(self.nn, settings.get("activation", "linear"), inplace=True)
        return [self.residual_module(body, shortcut, last)]


def optimizer_of(torch, recipe, parameters):
    """Weight decay is everyone's here, and one group: fewer kernels than the recipe's two."""
    name, settings = next(iter(recipe["train"]["optimizer"].items()))
    settings = {key: float(value) for key, value in (settings or {}).items() if key != "nesterov"} | (
        {"nesterov": True} if (settings or {}).get("nesterov") else {})  # fmt: skip
    if name in ("adam", "adamw"):
        settings["betas"] = (settings.pop("beta1", 0.9), settings.pop("beta2", 0.999))
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    if name not in kinds:
        raise Unknown(f"optimizer {name}")
    return fused(kinds[name], parameters, **settings)


def smoothing_of(recipe):
    loss = recipe["train"].get("loss", "cross_entropy")
    name, settings = next(iter(loss.items())) if isinstance(loss, dict) else (loss, None)
    if name != "cross_entropy":
        raise Unknown(f"loss {name}")
    return float((settings or {}).get("smoothing", 0))


# ---- the data ----


def load(folder, recipe, rows):
    """Pictures [N][H][W][C] and labels as NumPy arrays; noise without a folder."""
    import numpy

    height, width, channels = recipe["model"]["input"]
    size, dataset = height * width * channels, recipe["train"]["dataset"]
    if folder and dataset == "mnist":
        x = numpy.frombuffer(read_idx(folder, "train-images-idx3-ubyte"), numpy.uint8)
        y = numpy.frombuffer(read_idx(folder, "train-labels-idx1-ubyte"), numpy.uint8)
    elif folder and dataset == "cifar-10":
        records = numpy.frombuffer(read_file(folder, "data_batch_1.bin"), numpy.uint8).reshape(-1, 1 + size)
        x, y = records[:, 1:].reshape(-1, channels, height, width).transpose(0, 2, 3, 1), records[:, 0]
    else:
        x = numpy.random.default_rng(1).integers(0, 256, (rows, size), numpy.uint8)
        y = numpy.arange(rows) % 10
    x = x.reshape(-1, height, width, channels)[:rows].astype(numpy.float32)
    return (x - x.mean()) / x.std(), y[:rows].astype(numpy.int64)


# ---- training ----


class Torch:
    """Every number of threads, both layouts, eager and compiled."""

    def __init__(self, options):
        import torch

        self.torch, self.kept, self.fault, self.count = torch, {}, None, 0
        with open(options.recipe, encoding="utf-8") as file:
            self.recipe = json.load(file)
        self.clock = time.process_time if options.processor_time else time.perf_counter
        self.batch, self.steps = options.batch, options.rows // options.batch
        kinds = compiles(torch, options.compile)
        self.settings = [(t, last, c) for t in options.threads for last in (False, True) for c in kinds]
        try:
            self.count = sum(p.numel() for p in self.network().parameters())
            self.smoothing = smoothing_of(self.recipe)
            optimizer_of(torch, self.recipe, self.network().parameters())
        except Unknown as fault:
            self.fault = f"there is no counterpart for {fault}"
        x, y = load(options.data, self.recipe, self.steps * self.batch)
        x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.x = {True: x.contiguous(), False: x.permute(0, 3, 1, 2).contiguous()}  # by channels_last

    def about(self):
        names = [f"{threads} threads, {'channels_last' if last else 'NCHW'}{', compiled' if compiled else ''}"
                 for threads, last, compiled in self.settings]  # fmt: skip
        return {"version": f"torch {self.torch.__version__}", "configurations": names, "parameters": self.count,
                "fault": self.fault}  # fmt: skip

    def network(self):
        height, width, channels = self.recipe["model"]["input"]
        self.torch.manual_seed(1)
        return Builder(self.torch).sequence(self.recipe["model"]["layers"], self.torch.zeros(2, channels, height, width))[0]

    def start(self, last, compiled):
        torch, smoothing = self.torch, self.smoothing
        model = self.network()
        if last:
            model = model.to(memory_format=torch.channels_last)
        optimizer = optimizer_of(torch, self.recipe, model.parameters())

        def loss(x, y):
            return torch.nn.functional.cross_entropy(model(x), y, label_smoothing=smoothing)

        return (torch.compile(loss) if compiled else loss), optimizer

    def window(self, configuration):
        threads, last, compiled = self.settings[configuration]
        self.torch.set_num_threads(threads)
        if configuration not in self.kept:
            self.kept[configuration] = self.start(last, compiled)
        loss, optimizer = self.kept[configuration]
        order = self.torch.randperm(len(self.y)).view(self.steps, self.batch)
        for pick in order:
            x = self.x[last][pick]
            optimizer.zero_grad(set_to_none=True)
            loss(x.permute(0, 3, 1, 2) if last else x, self.y[pick]).backward()
            optimizer.step()


def rate(peer, configuration):
    peer.window(configuration)
    seconds = [seconds_of(peer.window, configuration, clock=peer.clock) for _ in range(WINDOWS)]
    return peer.steps * peer.batch / statistics.median(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", help="as JSON")
    parser.add_argument("--data")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--threads", type=lambda text: [int(part) for part in text.split(",")], default=[1])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--processor-time", action="store_true")
    options = parser.parse_args()
    serve(lambda: Torch(options), rate)


if __name__ == "__main__":
    main()
