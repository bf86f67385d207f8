"""Inception Score and IC-LPIPS of 200 images in PyTorch, for comparison.

usage: generation_twin.py nchw|channels_last

Prints "ready", then for every line read from standard input measures both and prints the
seconds. Every image passes each network once, as on the other side; the official script
passes two images through LPIPS for every pair.
"""
import os
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "metrics", "generation", "testdata"))
import reference


def images(n, side=256):
    x = np.arange(side * side * 3, dtype=np.int64)
    return [((x * (7 + i) // 64 + i * x // 4096) % 256).astype(np.uint8).reshape(side, side, 3) for i in range(n)]


def pairs(generated, cluster, k, cap=50):
    """Sums of squared differences by way of inner products."""
    out = []
    for c in range(k):
        m = generated[(cluster == c).nonzero()[:, 0][:cap]]
        if len(m) > 1:
            g = m @ m.T
            d = g.diagonal()[:, None] + g.diagonal() - 2 * g
            out.append(d.triu(1).sum().item() / (len(m) * (len(m) - 1) / 2))
    return float(np.mean(out))


def main():
    torch.set_grad_enabled(False)
    layout = torch.channels_last if sys.argv[1] == "channels_last" else torch.contiguous_format
    net, lpips = reference.inception().to(memory_format=layout), reference.LPIPS(layout)
    generated, references = images(200), images(210)[200:]

    everything = torch.empty(len(generated), lpips.embed(references[:1]).shape[1])

    def step():
        reference.inception_score(reference.logits(net, generated, layout=layout))
        r = lpips.embed(references)
        g, sizes = everything, r.square().sum(1)
        for i in range(0, len(generated), 4):
            g[i:i + 4] = lpips.embed(generated[i:i + 4])
        to_reference = sizes - 2 * (g @ r.T)
        pairs(g, to_reference.argmin(1), len(references))

    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


main()
