"""A model trained and saved by dropcl, loaded in PyTorch by name, has the same test accuracy and loss there;
`dropcl eval` agrees with the end of training."""

import os
import sys

import torch

from peer import dropcl, judge, mnist, network, normaliser, read_model, scratch, train


def main():
    with scratch() as folder:
        run = os.path.join(folder, "run")
        end = train(run, "--epochs", "1")
        evaluated = dropcl("eval", run)[-1]["test_accuracy"]
        net = network()
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
    good &= judge("errors, so that equal means something", 1 - accuracy, 0.1)
    return 0 if good else 1


sys.exit(main())
