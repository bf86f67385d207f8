"""Writes losses.json: values and gradients of PyTorch in float64, of the sum of
each output times r."""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
cases = {}


def case(name, f, *shapes, fixed=()):
    x = [torch.randn(s).float().double() for s in shapes]
    for i in fixed:
        x[i] = (x[i] > 0).double()
    x = [v.requires_grad_(i not in fixed) for i, v in enumerate(x)]
    out = f(*x)
    r = torch.randn(out.shape).float().double()
    (out * r).sum().backward()
    flat = lambda t: [float(v) for v in t.detach().flatten()]
    cases[name] = {
        "in": [{"shape": list(v.shape), "data": flat(v), "grad": flat(v.grad) if v.grad is not None else None} for v in x],
        "r": flat(r), "out": flat(out)}


def window(size, sigma, channels):
    g = torch.tensor([torch.exp(torch.tensor(-(i - size // 2) ** 2 / (2 * sigma ** 2))) for i in range(size)])
    g = g / g.sum()
    return torch.outer(g, g).expand(channels, 1, size, size).contiguous()


def ssim(a, b, size=5, L=2):
    c = a.shape[1]
    w, pad = window(size, 1.5, c), size // 2
    blur = lambda x: F.conv2d(x, w, padding=pad, groups=c)
    ma, mb = blur(a), blur(b)
    sa, sb, sab = blur(a * a) - ma ** 2, blur(b * b) - mb ** 2, blur(a * b) - ma * mb
    c1, c2 = (0.01 * L) ** 2, (0.03 * L) ** 2
    m = ((2 * ma * mb + c1) * (2 * sab + c2)) / ((ma ** 2 + mb ** 2 + c1) * (sa + sb + c2))
    return 1 - m.mean()


def sinusoid(t, dim=7, period=10000):
    half = dim // 2
    f = torch.exp(-torch.log(torch.tensor(float(period))) * torch.arange(half) / half)
    a = t[:, None] * f[None]
    return torch.cat([a.cos(), a.sin(), torch.zeros_like(t)[:, None]], 1)


case("l1", F.l1_loss, (2, 3, 4), (2, 3, 4))
case("mse", F.mse_loss, (2, 3, 4), (2, 3, 4))
case("masked_mse", lambda m, x, y: (((x - y) * m) ** 2).mean(), (2, 1, 3, 4), (2, 3, 3, 4), (2, 3, 3, 4), fixed=(0,))
case("ssim", ssim, (2, 3, 9, 8), (2, 3, 9, 8))
case("border", lambda x: F.pad(x, (-1, 3, 2, 0)), (2, 3, 3, 4))
case("timestep_embedding", sinusoid, (4,))
case("gather", lambda x: x[torch.tensor([2, 0, 2])], (4, 3))
json.dump(cases, open("losses.json", "w"), indent=None, separators=(",", ":"))
