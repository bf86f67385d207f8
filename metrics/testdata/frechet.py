"""Writes frechet.json: FID with SciPy's matrix root and KID as torch-fidelity's formula, in float64."""
import json
import os

import numpy as np
from scipy import linalg

rng = np.random.RandomState(7)
cases = []
for n, m, d in [(40, 50, 6), (12, 9, 30), (100, 8, 20), (6, 60, 20)]:
    mix = rng.randn(d, d)
    a = (rng.randn(n, d) @ mix).astype(np.float32)
    b = (rng.randn(m, d) @ mix * 1.3 + 0.4).astype(np.float32)
    x, y = a.astype(np.float64), b.astype(np.float64)
    sa, sb = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    # The product of singular matrices has no stable root: its eigenvalues do.
    root = np.sqrt(np.maximum(linalg.eigvals(sa @ sb).real, 0)).sum()
    fid = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(sa) + np.trace(sb) - 2 * root
    k = lambda p, q: (p @ q.T / d + 1) ** 3
    kxx, kyy = k(x, x), k(y, y)
    kid = ((kxx.sum() - np.trace(kxx)) / (n * (n - 1)) + (kyy.sum() - np.trace(kyy)) / (m * (m - 1)) - 2 * k(x, y).mean())
    cases.append({"a": a.tolist(), "b": b.tolist(), "fid": fid, "kid": kid})
with open(os.path.join(os.path.dirname(__file__), "frechet.json"), "w") as f:
    json.dump(cases, f)
