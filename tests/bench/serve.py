"""A peer's end of a comparison (rounds.py): runs under the peer's interpreter, stays loaded, and answers questions.

The first line of the answer is what the peer says of itself: its version, its configurations, ...; then each line of
a question is answered by {"rate"}, samples per second, or {"fault"}."""

import gzip
import json
import os
import sys
import time


def serve(open_peer, rate):
    """open_peer() gives an object whose about() is the first line; rate(peer, **question) measures."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever compilers print
    peer = open_peer()
    print(json.dumps(peer.about()), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = {"rate": rate(peer, **json.loads(line))}
        except Exception as fault:  # a peer's compiler may fail in any way it likes
            text = str(fault).strip() or "no message"
            answer = {"fault": f"{type(fault).__name__}: {text.splitlines()[0][:160]}"}
        print(json.dumps(answer), file=answers, flush=True)


def seconds_of(work, *words, clock=time.perf_counter):
    begin = clock()
    work(*words)
    return clock() - begin


def read_file(folder, name):
    """A file's bytes, plain or .gz."""
    path = os.path.join(folder, name)
    plain = os.path.exists(path)
    with open(path, "rb") if plain else gzip.open(path + ".gz", "rb") as file:
        return file.read()


def read_idx(folder, name):
    """The bytes behind the header of an IDX file."""
    content = read_file(folder, name)
    return content[4 + 4 * content[3] :]


def compiles(torch, wanted):
    """Whether to measure a network as it is, and compiled."""
    return (False, True) if wanted and hasattr(torch, "compile") else (False,)


def fused(optimizer, parameters, **settings):
    """The optimizer as one kernel, where this PyTorch has that."""
    try:
        return optimizer(parameters, fused=True, **settings)
    except (TypeError, RuntimeError):
        return optimizer(parameters, **settings)
