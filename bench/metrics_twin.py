"""Pixel AUROC, AP, F1-max and AUPRO by scikit-learn and the procedure of MVTec
3D-AD's evaluation code, for comparison.

Prints "ready", then for every line read from standard input computes all four
for 122 maps of 256x256 and prints the seconds.
"""
import bisect
import sys
import time

import numpy as np
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score


def draw(n=122, side=256, d=44):
    rng = np.random.default_rng(1)
    scores = rng.random((n, side, side), dtype=np.float32)
    masks = np.zeros((n, side, side), dtype=np.uint8)
    for i in range(n):
        y, x = rng.integers(0, side - d, 2)
        masks[i, y:y + d, x:x + d] = 1
    scores[masks == 1] = (scores[masks == 1] + 1) / 2
    return scores, masks


def aupro(scores, masks, limit=0.3, steps=100):
    free, regions = [], []
    for s, m in zip(scores, masks):
        labels, count = label(m, structure=np.ones((3, 3), dtype=int))
        free.append(s[labels == 0])
        for k in range(count):
            regions.append(np.sort(s[labels == k + 1]))
    free = np.sort(np.concatenate(free))
    fprs, overlaps = [1.0], [1.0]
    for pos in np.linspace(0, len(free) - 1, steps).astype(int):
        threshold = free[pos]
        fprs.append(1.0 - (pos + 1) / len(free))
        overlaps.append(np.mean([1.0 - np.searchsorted(r, threshold, side="right") / len(r) for r in regions]))
    fprs, overlaps = np.array(fprs[::-1]), np.array(overlaps[::-1])
    at = bisect.bisect(fprs, limit)
    slope = (overlaps[at] - overlaps[at - 1]) / (fprs[at] - fprs[at - 1])
    end = overlaps[at - 1] + slope * (limit - fprs[at - 1])
    x, y = np.append(fprs[:at], limit), np.append(overlaps[:at], end)
    return np.trapz(y, x) / limit


def main():
    scores, masks = draw()
    flat, labels = scores.ravel(), masks.ravel()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        roc_auc_score(labels, flat)
        average_precision_score(labels, flat)
        p, r, _ = precision_recall_curve(labels, flat)
        np.nanmax(2 * p * r / np.maximum(p + r, 1e-12))
        aupro(scores, masks)
        print(time.perf_counter() - start, flush=True)


main()
