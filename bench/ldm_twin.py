"""The networks of the small latent diffusion model in PyTorch, for comparison.

usage: ldm_twin.py unet-train|ddim|autoencoder-train|spatial-encoder-train BATCH nchw|channels_last

Prints "ready", then for every line read from standard input takes one step and
prints its seconds. A step of training is forward, backward and Adam; one of ddim is
ten steps of DDIM sampling. The networks are built as the official code builds them.
"""
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

CONTEXT, TOKENS = 96, 32  # channels and length of the context


def norm(channels, groups, eps=1e-5):
    return nn.GroupNorm(groups, channels, eps=eps)


class ResBlock(nn.Module):
    def __init__(self, inputs, outputs, emb):
        super().__init__()
        self.before = nn.Sequential(norm(inputs, 8), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.emb = nn.Sequential(nn.SiLU(), nn.Linear(emb, outputs))
        self.after = nn.Sequential(norm(outputs, 8), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, emb, context):
        h = self.before(x)
        h = h + self.emb(emb)[:, :, None, None]
        return self.skip(x) + self.after(h)


class Attention(nn.Module):
    def __init__(self, channels, context, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(i, channels, bias=False) for i in (channels, context, context))
        self.out = nn.Linear(channels, channels)

    def forward(self, x, context):
        n, length, channels = x.shape
        split = lambda t: t.view(n, -1, self.heads, channels // self.heads).transpose(1, 2)
        q, k, v = split(self.q(x)), split(self.k(context)), split(self.v(context))
        weights = (q @ k.transpose(-1, -2) * (channels // self.heads) ** -0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, length, channels))


class Transformer(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = norm(channels, 8, 1e-6)
        self.proj_in, self.proj_out = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)
        self.attn1, self.attn2 = Attention(channels, channels, 4), Attention(channels, CONTEXT, 4)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(channels) for _ in range(3))
        self.gate, self.ff = nn.Linear(channels, 8 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x, emb, context):
        n, c, h, w = x.shape
        t = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).reshape(n, h * w, c)
        y = self.norm1(t)
        t = t + self.attn1(y, y)
        t = t + self.attn2(self.norm2(t), context)
        value, gate = self.gate(self.norm3(t)).chunk(2, -1)
        t = t + self.ff(value * F.gelu(gate))
        return x + self.proj_out(t.reshape(n, h, w, c).permute(0, 3, 1, 2))


class Resample(nn.Module):
    def __init__(self, channels, up):
        super().__init__()
        self.up, self.conv = up, nn.Conv2d(channels, channels, 3, stride=1 if up else 2, padding=1)

    def forward(self, x, emb, context):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest") if self.up else x)


class UNet(nn.Module):
    channels, multipliers, attention = 32, (1, 2, 3), (2, 4)

    def __init__(self):
        super().__init__()
        ch = self.channels
        emb = 4 * ch
        self.time = nn.Sequential(nn.Linear(ch, emb), nn.SiLU(), nn.Linear(emb, emb))
        self.first = nn.Conv2d(4, ch, 3, padding=1)
        self.down, self.up, skips, width = nn.ModuleList(), nn.ModuleList(), [ch], ch
        for level, m in enumerate(self.multipliers):
            block = nn.ModuleList([ResBlock(width, m * ch, emb)])
            width = m * ch
            if 1 << level in self.attention:
                block.append(Transformer(width))
            self.down.append(block)
            skips.append(width)
            if level < len(self.multipliers) - 1:
                self.down.append(nn.ModuleList([Resample(width, False)]))
                skips.append(width)
        self.middle = nn.ModuleList([ResBlock(width, width, emb), Transformer(width), ResBlock(width, width, emb)])
        for level, m in reversed(list(enumerate(self.multipliers))):
            for i in range(2):
                block = nn.ModuleList([ResBlock(width + skips.pop(), m * ch, emb)])
                width = m * ch
                if 1 << level in self.attention:
                    block.append(Transformer(width))
                if level > 0 and i == 1:
                    block.append(Resample(width, True))
                self.up.append(block)
        self.out = nn.Sequential(norm(width, 8), nn.SiLU(), nn.Conv2d(width, 4, 3, padding=1))

    def forward(self, z, t, context):
        half = self.channels // 2
        angles = t[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half) / half)[None]
        emb = self.time(torch.cat((angles.cos(), angles.sin()), 1))
        h = self.first(z)
        skips = [h]
        for block in self.down:
            for layer in block:
                h = layer(h, emb, context)
            skips.append(h)
        for layer in self.middle:
            h = layer(h, emb, context)
        for block in self.up:
            h = torch.cat((h, skips.pop()), 1)
            for layer in block:
                h = layer(h, emb, context)
        return self.out(h)


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.body = nn.Sequential(nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1),
                                  nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.skip(x) + self.body(x)


class Pixels(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Conv2d(c, c, 1) for _ in range(4))

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = (f(x).reshape(n, c, h * w) for f in (self.q, self.k, self.v))
        weights = (q.transpose(1, 2) @ k * c ** -0.5).softmax(-1)
        return x + self.out((v @ weights.transpose(1, 2)).reshape(n, c, h, w))


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        widths = (32, 64, 64)
        encoder, width = [nn.Conv2d(3, widths[0], 3, padding=1)], widths[0]
        for level, w in enumerate(widths):
            encoder.append(Block(width, w))
            width = w
            if level < 2:
                encoder += [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(w, w, 3, stride=2)]
        middle = lambda: [Block(width, width), Pixels(width), Block(width, width)]
        encoder += middle() + [nn.SiLU(), nn.Conv2d(width, 8, 3, padding=1), nn.Conv2d(8, 8, 1)]
        decoder = [nn.Conv2d(4, 4, 1), nn.Conv2d(4, width, 3, padding=1)] + middle()
        for level in (2, 1, 0):
            for _ in range(2):
                decoder.append(Block(width, widths[level]))
                width = widths[level]
            if level:
                decoder += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(width, width, 3, padding=1)]
        decoder += [nn.SiLU(), nn.Conv2d(width, 3, 3, padding=1)]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)

    def loss(self, image):
        mean, logvar = self.encoder(image).chunk(2, 1)
        logvar = logvar.clamp(-30, 20)
        back = self.decoder(mean + (0.5 * logvar).exp() * torch.randn_like(mean))
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum((1, 2, 3)).mean()
        return (back - image).abs().mean() + 1e-6 * kl


class IRBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.short = nn.MaxPool2d(1, 2) if inputs == outputs else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))
        self.body = nn.Sequential(nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False), nn.PReLU(outputs),
                                  nn.Conv2d(outputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.body(x) + self.short(x)


class SpatialEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.PReLU(16))
        self.stages = nn.ModuleList(IRBlock(i, o) for i, o in ((16, 16), (16, 32), (32, 48), (48, 64)))
        self.lateral1, self.lateral2 = nn.Conv2d(48, 64, 1), nn.Conv2d(32, 64, 1)
        head = lambda: nn.Sequential(*[m for i in range(3) for m in (
            nn.Conv2d(CONTEXT if i else 64, CONTEXT, 3, 2, 1), nn.LeakyReLU(0.01))], nn.Flatten(), nn.Linear(CONTEXT, CONTEXT))
        self.heads = nn.ModuleList(head() for _ in range(4))

    def forward(self, mask):
        x = self.stem(mask.repeat(1, 3, 1, 1) * 2 - 1)
        taps = []
        for stage in self.stages:
            x = stage(x)
            taps.append(x)
        up = lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        p = up(up(taps[3]) + self.lateral1(taps[2])) + self.lateral2(taps[1])
        return torch.stack([head(p) for head in self.heads], 1)


def trainer(net, loss):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    return step


def main():
    work, batch = sys.argv[1], int(sys.argv[2])
    layout = torch.channels_last if sys.argv[3] == "channels_last" else torch.contiguous_format
    z, context, t = torch.randn(batch, 4, 16, 16).to(memory_format=layout), torch.randn(batch, TOKENS, CONTEXT), torch.full((batch,), 500)
    if work == "unet-train":
        net, target = UNet().to(memory_format=layout), torch.randn(batch, 4, 16, 16)
        step = trainer(net, lambda: F.mse_loss(net(z, t, context), target))
    elif work == "ddim":
        net = UNet().eval().to(memory_format=layout)
        kept = torch.cumprod(1 - torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float64) ** 2, 0)

        @torch.no_grad()
        def step():
            x = torch.randn_like(z)
            for at in range(901, 0, -100):
                a, before = float(kept[at]), float(kept[max(at - 100, 0)])
                eps = net(x, torch.full((batch,), at), context)
                clean = (x - (1 - a) ** 0.5 * eps) / a ** 0.5
                sigma = ((1 - before) / (1 - a) * (1 - a / before)) ** 0.5
                x = before ** 0.5 * clean + max(1 - before - sigma ** 2, 0) ** 0.5 * eps + sigma * torch.randn_like(x)
    elif work == "autoencoder-train":
        net, image = Autoencoder().to(memory_format=layout), torch.rand(batch, 3, 64, 64).to(memory_format=layout)
        step = trainer(net, lambda: net.loss(image))
    else:
        net, mask = SpatialEncoder().train().to(memory_format=layout), (torch.rand(batch, 1, 32, 32) < 0.1).float().to(memory_format=layout)
        target = torch.randn(batch, 4, CONTEXT)
        step = trainer(net, lambda: F.mse_loss(net(mask), target))
    print(f"{work}: {sum(p.numel() for p in net.parameters())} parameters", file=sys.stderr)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


main()
