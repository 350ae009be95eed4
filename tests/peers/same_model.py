"""A model trained and saved by dropcl, loaded in PyTorch by name, has the same test accuracy and loss there;
`dropcl eval` agrees with the end of training."""

import os
import sys

from peer import judge_model, mnist, network, scratch, train


def main():
    with scratch() as folder:
        run = os.path.join(folder, "run")
        end = train(run, "--epochs", "1")
        return 0 if judge_model(network(), run, mnist, end, 0.1) else 1


sys.exit(main())
