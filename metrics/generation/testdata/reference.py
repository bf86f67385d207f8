"""Inception Score and IC-LPIPS in PyTorch, with weights that a formula makes of their names.

usage: reference.py DATA CATEGORY > formula_scores.json

Of every defect of the category the first third are reference images and the rest count
as generated ones. bench/generation_twin.py times the same functions.
"""
import json
import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torchvision.models import inception as tv

SEED, GAIN = 20240101, 1.4
LINEAR = os.path.join(os.path.dirname(__file__), "..", "..", "features", "lpips_lin_v0.1.safetensors")


def uniform(name, n):
    """The first n numbers of the splitmix64 stream that starts at the name's FNV-1a hash."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) % 2**64
    z = np.uint64(h ^ SEED) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)) / 2**24


def formula(net):
    """Gives every parameter and buffer the value of its name."""
    for name, t in net.state_dict().items():
        u = uniform(name, t.numel())
        leaf = name.rsplit(".", 1)[-1]
        if leaf == "num_batches_tracked":
            continue
        if leaf in ("running_mean", "bias"):
            v = (2 * u - 1) * 0.1
        elif leaf == "running_var":
            v = 0.5 + u
        elif t.dim() == 1:
            v = 0.75 + 0.5 * u
        else:
            v = (2 * u - 1) * (math.sqrt(3 / np.prod(t.shape[1:])) * GAIN)
        t.copy_(torch.from_numpy(v.astype(np.float32)).reshape(t.shape))
    return net.eval()


def pool(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class A(tv.InceptionA):
    def _forward(self, x):
        y = self.branch5x5_2(self.branch5x5_1(x))
        z = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return [self.branch1x1(x), y, z, self.branch_pool(pool(x))]


class C(tv.InceptionC):
    def _forward(self, x):
        y = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        z = self.branch7x7dbl_5(self.branch7x7dbl_4(self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))))
        return [self.branch1x1(x), y, z, self.branch_pool(pool(x))]


class E(tv.InceptionE):
    maximum = False

    def _forward(self, x):
        y = self.branch3x3_1(x)
        y = torch.cat([self.branch3x3_2a(y), self.branch3x3_2b(y)], 1)
        z = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        z = torch.cat([self.branch3x3dbl_3a(z), self.branch3x3dbl_3b(z)], 1)
        p = F.max_pool2d(x, 3, 1, 1) if self.maximum else pool(x)
        return [self.branch1x1(x), y, z, self.branch_pool(p)]


class EMax(E):
    maximum = True


def inception():
    """The Inception v3 of 2015-12-05; its logits come without their bias."""
    net = tv.Inception3(num_classes=1008, aux_logits=False, transform_input=False, init_weights=False)
    for name, kind in [("5b", A), ("5c", A), ("5d", A), ("6b", C), ("6c", C), ("6d", C), ("6e", C), ("7b", E), ("7c", EMax)]:
        getattr(net, "Mixed_" + name).__class__ = kind
    formula(net)
    net.fc.bias.zero_()
    return net


def resize_tf1(x, side):
    """TensorFlow 1's bilinear resize of [H, W, 3]: pixel i of the output is at i*in/out."""
    def at(n):
        p = np.arange(side, dtype=np.float32) * np.float32(n / side)
        low = np.floor(p).astype(int)
        return low, np.minimum(low + 1, n - 1), p - low.astype(np.float32)
    y0, y1, dy = at(x.shape[0])
    x0, x1, dx = at(x.shape[1])
    dy, dx = dy[:, None, None], dx[None, :, None]
    x = x.astype(np.float32)
    top = x[y0][:, x0] + (x[y0][:, x1] - x[y0][:, x0]) * dx
    bottom = x[y1][:, x0] + (x[y1][:, x1] - x[y1][:, x0]) * dx
    return top + (bottom - top) * dy


def logits(net, images, batch=4, layout=torch.contiguous_format):
    out = []
    for i in range(0, len(images), batch):
        x = np.stack([(resize_tf1(m, 299) - 128) / 128 for m in images[i:i + batch]]).transpose(0, 3, 1, 2)
        out.append(net(torch.from_numpy(np.ascontiguousarray(x)).to(memory_format=layout)))
    return torch.cat(out)


def inception_score(z, splits=10):
    """As torch-fidelity computes it."""
    z = z.double()[torch.from_numpy(np.random.RandomState(2020).permutation(len(z)))]
    p, log_p = z.softmax(1), z.log_softmax(1)
    scores = []
    for i in range(splits):
        a, b = i * len(z) // splits, (i + 1) * len(z) // splits
        q, log_q = p[a:b], log_p[a:b]
        scores.append((q * (log_q - q.mean(0, keepdim=True).log())).sum(1).mean().exp().item())
    return float(np.mean(scores))


def read_safetensors(path):
    raw = open(path, "rb").read()
    n = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + n])
    return {k: torch.from_numpy(np.frombuffer(raw[8 + n + e["data_offsets"][0]:8 + n + e["data_offsets"][1]], np.float32).copy())
            for k, e in header.items() if k != "__metadata__"}


class LPIPS:
    """Embeds images in the space in which LPIPS (VGG16, v0.1) is the squared distance."""
    taps = {3, 8, 15, 22, 29}

    def __init__(self, layout=torch.contiguous_format):
        net = torchvision.models.vgg16()
        del net.classifier
        self.features = formula(net).features[:30].to(memory_format=layout)
        linear = read_safetensors(LINEAR)
        self.linear = [linear[f"vgg/lin{i}.model.1.weight"].sqrt() for i in range(5)]
        self.layout = layout

    def embed(self, images, batch=4):
        out = []
        for i in range(0, len(images), batch):
            x = np.stack([np.asarray(Image.fromarray(m).resize((256, 256), Image.BILINEAR)) for m in images[i:i + batch]])
            x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=self.layout).float() / 127.5 - 1
            x = (x - torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)) / torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
            parts = []
            for k, layer in enumerate(self.features):
                x = layer(x)
                if k in self.taps:
                    y = x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) * self.linear[len(parts)].view(1, -1, 1, 1)
                    parts.append((y / math.sqrt(y.shape[2] * y.shape[3])).flatten(1))
            out.append(torch.cat(parts, 1))
        return torch.cat(out)


def squared_distances(a, b):
    return torch.stack([torch.stack([(x - y).square().sum() for y in b]) for x in a]).double()


def ic_lpips(generated, references):
    """By variant: members of a cluster count in the order of the files."""
    to_reference = squared_distances(generated, references)
    first = to_reference.argmin(1)
    last = to_reference.shape[1] - 1 - to_reference.flip(1).argmin(1)
    clusters = lambda at, cap: [(at == k).nonzero()[:, 0][:cap] for k in range(len(references))]
    pairs = lambda m: float(np.mean([(generated[i] - generated[j]).square().sum().item() for a, i in enumerate(m) for j in m[:a]]))
    valid = [pairs(m) for m in clusters(last, 50) if len(m) > 1]
    return {
        "released": float(np.mean(valid)), "clusters": len(valid),
        "dfmgan": sum(pairs(m) for m in clusters(first, 200) if len(m) > 1) / len(references),
        "paper-text": float(np.mean([to_reference[m, k].mean().item() for k, m in enumerate(clusters(first, None)) if len(m)])),
    }


def main(data, category):
    torch.set_grad_enabled(False)
    net, lpips, out = inception(), LPIPS(), {}
    folder = os.path.join(data, category, "test")
    for defect in sorted(os.listdir(folder)):
        if defect == "good":
            continue
        names = sorted(os.listdir(os.path.join(folder, defect)))
        images = [np.asarray(Image.open(os.path.join(folder, defect, n)).convert("RGB")) for n in names]
        third = len(names) // 3
        out[defect] = {"images": len(names) - third, "is": inception_score(logits(net, images[third:])),
                       **ic_lpips(lpips.embed(images[third:]), lpips.embed(images[:third]))}
    json.dump({"category": category, "defects": out}, sys.stdout, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
