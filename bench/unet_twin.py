"""The U-Net's training step in PyTorch, for comparison.

usage: unet_twin.py BASE BATCH SIZE nchw|channels_last

Prints "ready", then for every line read from standard input takes one step
(forward, backward, Adam) and prints its seconds.
"""
import sys
import time

import torch
from torch import nn


def block(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


class UNet(nn.Module):
    def __init__(self, base):
        super().__init__()
        widths = [base * w for w in (1, 2, 4, 8, 8, 8)]
        self.encoder = nn.ModuleList(
            nn.Sequential(*block(i, o), *block(o, o)) for i, o in zip([3] + widths, widths))
        self.up, self.down = nn.ModuleList(), nn.ModuleList()
        below = widths[-1]
        for skip, width in zip(reversed(widths[:-1]), (8, 4, 2, 1, 1)):
            width *= base
            self.up.append(nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), *block(below, width)))
            self.down.append(nn.Sequential(*block(width + skip, width), *block(width, width)))
            below = width
        self.out = nn.Conv2d(below, 2, 3, padding=1)

    def forward(self, x):
        skips = []
        for i, stage in enumerate(self.encoder):
            x = stage(nn.functional.max_pool2d(x, 2) if i else x)
            skips.append(x)
        for up, down, skip in zip(self.up, self.down, reversed(skips[:-1])):
            x = down(torch.cat((up(x), skip), 1))
        return self.out(x)


def focal(p, target, smooth=1e-5):
    hot = torch.zeros_like(p).scatter_(1, target, 1).clamp(smooth, 1 - smooth)
    pt = (hot * p).sum(1) + smooth
    return -((1 - pt) ** 2 * pt.log()).mean()


def main():
    base, batch, size = map(int, sys.argv[1:4])
    layout = torch.channels_last if sys.argv[4] == "channels_last" else torch.contiguous_format
    net = UNet(base).train().to(memory_format=layout)
    image = torch.rand(batch, 3, size, size).to(memory_format=layout)
    target = (torch.rand(batch, 1, size, size) < 0.1).long()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        loss = focal(torch.softmax(net(image), 1), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(time.perf_counter() - start, flush=True)


main()
