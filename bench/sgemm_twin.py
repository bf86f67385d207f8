"""The product of two square matrices in PyTorch, for comparison.

usage: sgemm_twin.py SIZE

Prints "ready", then for every line read from standard input multiplies once and
prints the seconds.
"""
import sys
import time

import torch


def main():
    a, b = torch.rand(2, int(sys.argv[1]), int(sys.argv[1]))
    out = torch.empty_like(a)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        print(time.perf_counter() - start, flush=True)


main()
