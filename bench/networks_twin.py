"""Networks of torchvision in PyTorch, for comparison.

usage: networks_twin.py resnet18-train|resnet34-train|inception|vgg16 BATCH SIZE nchw|channels_last

Prints "ready", then for every line read from standard input takes one step and
prints its seconds: training (forward, backward, Adam) or the forward pass alone.
"""
import sys
import time

import torch
import torchvision


def main():
    name, batch, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    layout = torch.channels_last if sys.argv[4] == "channels_last" else torch.contiguous_format
    image = torch.rand(batch, 3, size, size).to(memory_format=layout)
    if name.endswith("-train"):
        net = getattr(torchvision.models, name.removesuffix("-train"))(num_classes=5).train().to(memory_format=layout)
        label = torch.arange(batch) % 5
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)

        def step():
            loss = torch.nn.functional.cross_entropy(net(image), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    else:
        if name == "inception":
            net = torchvision.models.inception_v3(aux_logits=False, transform_input=False, init_weights=False)
        else:
            net = torchvision.models.vgg16().features[:30]
        net = net.eval().to(memory_format=layout)

        def step():
            with torch.no_grad():
                net(image)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


main()
