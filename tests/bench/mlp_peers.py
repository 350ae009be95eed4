"""The network of models/mnist-mlp.yaml in PyTorch, JAX and tinygrad: what mlp_vs_peers.py runs under their own
interpreters, one process each, which stays loaded between rounds.

    PYTHON mlp_peers.py torch|jax|tinygrad --data DIR --rows N --threads 1,2 [--compile]

Asked for {"configuration", "batch"} it answers with samples per second of one epoch (serve.py).

Every peer gets its best chance: all rows in memory as normalised float32, shuffled by an index once per epoch, no data
loader, cross-entropy from the logits, SGD with momentum, nothing read back inside the epoch, and a warm-up that is not
counted."""

import argparse

from serve import compiles, fused, read_idx, seconds_of, serve

# What the recipe says; mlp_vs_peers.py checks that it still says so.
LAYERS, RATE, LEARNING_RATE, MOMENTUM = (784, 256, 128, 10), 0.5, 0.05, 0.9
WARM_UP = 20  # steps


def load(folder, rows):
    """Images and labels as NumPy arrays; noise without a folder."""
    import numpy

    if folder:
        x = numpy.frombuffer(read_idx(folder, "train-images-idx3-ubyte"), numpy.uint8)
        y = numpy.frombuffer(read_idx(folder, "train-labels-idx1-ubyte"), numpy.uint8)
    else:
        x = numpy.random.default_rng(1).integers(0, 256, 60000 * LAYERS[0], numpy.uint8)
        y = (numpy.arange(60000) % LAYERS[-1]).astype(numpy.uint8)
    x = x.reshape(-1, LAYERS[0]).astype(numpy.float32)
    x = (x - x.mean()) / x.std()
    return numpy.ascontiguousarray(x[: rows or len(x)]), y[: rows or len(y)].astype(numpy.int32)


class Peer:
    def about(self):
        return {"version": self.version, "configurations": list(self.names)}


class Torch(Peer):
    """Eager, and compiled where asked for, at every number of threads."""

    def __init__(self, options):
        import torch

        self.torch, self.kept, self.version = torch, {}, f"torch {torch.__version__}"
        x, y = load(options.data, options.rows)
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y).long()
        kinds = compiles(torch, options.compile)
        self.settings = [(threads, compiled) for threads in options.threads for compiled in kinds]
        self.names = [f"{threads} threads{', compiled' if compiled else ''}" for threads, compiled in self.settings]

    def build(self, compiled):
        torch, nn = self.torch, self.torch.nn
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Linear(LAYERS[0], LAYERS[1]), nn.ReLU(), nn.Dropout(RATE),
            nn.Linear(LAYERS[1], LAYERS[2]), nn.ReLU(), nn.Dropout(RATE),
            nn.Linear(LAYERS[2], LAYERS[3]),
        )  # fmt: skip
        optimizer = fused(torch.optim.SGD, model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)

        def loss(x, y):
            return nn.functional.cross_entropy(model(x), y)

        return (torch.compile(loss) if compiled else loss), optimizer

    def run(self, configuration, batch, steps):
        threads, compiled = self.settings[configuration]
        self.torch.set_num_threads(threads)
        if (configuration, batch) not in self.kept:
            self.kept[configuration, batch] = self.build(compiled)
        loss, optimizer = self.kept[configuration, batch]
        order = self.torch.randperm(len(self.x))
        for i in range(steps):
            pick = order[i * batch : (i + 1) * batch]
            optimizer.zero_grad(set_to_none=True)
            loss(self.x[pick], self.y[pick]).backward()
            optimizer.step()


class Jax(Peer):
    """A compiled step called from Python, and a whole epoch as one compiled loop. Threads are XLA's own choice."""

    names = ("jit of a step", "jit of an epoch")

    def __init__(self, options):
        import jax

        self.jax, self.kept, self.version = jax, {}, f"jax {jax.__version__}"
        x, y = load(options.data, options.rows)
        self.x, self.y = jax.numpy.asarray(x), jax.numpy.asarray(y)
        self.key = jax.random.key(1)

    def start(self):
        random, parameters = self.jax.random, []
        for n, (rows, columns) in enumerate(zip(LAYERS, LAYERS[1:])):
            bound = rows**-0.5
            weight = random.uniform(random.key(n), (rows, columns), minval=-bound, maxval=bound)
            parameters.append((weight, self.jax.numpy.zeros(columns)))
        return parameters, self.jax.tree.map(self.jax.numpy.zeros_like, parameters)

    def step(self, state, x, y, key):
        jax, np = self.jax, self.jax.numpy

        def loss(parameters):
            h = x
            for n, (weight, bias) in enumerate(parameters):
                h = h @ weight + bias
                if n + 1 < len(parameters):
                    kept = jax.random.bernoulli(jax.random.fold_in(key, n), 1 - RATE, h.shape)
                    h = np.where(kept, np.maximum(h, 0) / (1 - RATE), 0)
            return -np.take_along_axis(jax.nn.log_softmax(h), y[:, None], 1).mean()

        parameters, speed = state
        speed = jax.tree.map(lambda v, g: MOMENTUM * v + g, speed, jax.grad(loss)(parameters))
        return jax.tree.map(lambda p, v: p - LEARNING_RATE * v, parameters, speed), speed

    def loop(self, state, x, y, order, key):
        def body(state, one):
            pick, n = one
            return self.step(state, x[pick], y[pick], self.jax.random.fold_in(key, n)), None

        return self.jax.lax.scan(body, state, (order, self.jax.numpy.arange(len(order))))[0]

    def one(self, state, x, y, pick, key):
        return self.step(state, x[pick], y[pick], key)

    def run(self, configuration, batch, steps):
        jax = self.jax
        if (configuration, batch) not in self.kept:
            work = jax.jit(self.loop if configuration else self.one, donate_argnums=0)
            self.kept[configuration, batch] = [work, self.start()]
        kept = self.kept[configuration, batch]
        self.key, shuffle, noise = jax.random.split(self.key, 3)
        order = jax.random.permutation(shuffle, len(self.x))[: steps * batch].reshape(steps, batch)
        if configuration:
            kept[1] = kept[0](kept[1], self.x, self.y, order, noise)
        else:
            for i in range(steps):
                kept[1] = kept[0](kept[1], self.x, self.y, order[i], jax.random.fold_in(noise, i))
        jax.block_until_ready(kept[1])

    def warm_up(self, configuration, batch, steps):
        self.run(configuration, batch, steps)  # a loop is compiled for its length


class Tinygrad(Peer):
    """A captured step (TinyJit) on each of its devices that works here."""

    names = ("TinyJit, CL", "TinyJit, CPU")
    devices = ("CL", "CPU")

    def __init__(self, options):
        import importlib.metadata

        import tinygrad
        import tinygrad.helpers

        self.tinygrad, self.kept = tinygrad, {}
        self.version = f"tinygrad {importlib.metadata.version('tinygrad')}"
        self.data = load(options.data, options.rows)

    def build(self, device, batch):
        Tensor, nn = self.tinygrad.Tensor, self.tinygrad.nn
        x, y = (Tensor(part, device=device).realize() for part in self.data)
        layers = []
        for rows, columns in zip(LAYERS, LAYERS[1:]):
            bound = rows**-0.5
            weight = Tensor.uniform(rows, columns, low=-bound, high=bound, device=device)
            layers.append((weight, Tensor.zeros(columns, device=device).contiguous()))
        parameters = [part.realize() for layer in layers for part in layer]
        for part in parameters:
            part.requires_grad = True
        optimizer = nn.optim.SGD(parameters, lr=LEARNING_RATE, momentum=MOMENTUM)

        def step(pick):
            h = x[pick]
            optimizer.zero_grad()
            for n, (weight, bias) in enumerate(layers):
                h = h @ weight + bias
                h = h.relu().dropout(RATE) if n + 1 < len(layers) else h
            h.sparse_categorical_crossentropy(y[pick]).backward()
            optimizer.step()

        return self.tinygrad.TinyJit(step), device

    def run(self, configuration, batch, steps):
        import numpy

        Tensor, device = self.tinygrad.Tensor, self.devices[configuration]
        if (configuration, batch) not in self.kept:
            self.kept[configuration, batch] = self.build(device, batch)
        order = numpy.random.permutation(len(self.data[0])).astype(numpy.int32)
        picks = [Tensor(order[i * batch : (i + 1) * batch], device=device).realize() for i in range(steps)]
        helpers = self.tinygrad.helpers
        with Tensor.train() if hasattr(Tensor, "train") else helpers.Context(TRAINING=1):
            for pick in picks:
                self.kept[configuration, batch][0](pick)
        self.tinygrad.Device[device].synchronize()


PEERS = {"torch": Torch, "jax": Jax, "tinygrad": Tinygrad}


def epoch(peer, configuration, batch):
    """Samples per second of one epoch."""
    rows = len(peer.data[0]) if hasattr(peer, "data") else len(peer.x)
    steps = rows // batch
    warm_up = getattr(peer, "warm_up", None)
    if warm_up:
        warm_up(configuration, batch, steps)
    else:
        peer.run(configuration, batch, min(steps, WARM_UP))
    return steps * batch / seconds_of(peer.run, configuration, batch, steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("peer", choices=sorted(PEERS))
    parser.add_argument("--data")
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--threads", type=lambda text: [int(part) for part in text.split(",")], default=[1])
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    serve(lambda: PEERS[options.peer](options), epoch)


if __name__ == "__main__":
    main()
