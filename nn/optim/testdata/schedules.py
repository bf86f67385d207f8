"""Writes schedules.json: CosineAnnealingLR and clip_grad_norm_ of PyTorch."""
import json

import torch

torch.manual_seed(0)
p = torch.nn.Parameter(torch.zeros(3))
opt = torch.optim.SGD([p], lr=0.3)
cosine = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=7, eta_min=0.02)
rates = []
for _ in range(8):
    rates.append(opt.param_groups[0]["lr"])
    opt.step()
    cosine.step()
clips = []
for limit in (0.5, 100):
    ps = [torch.nn.Parameter(torch.zeros(s)) for s in ((2, 3), (4,))]
    for q in ps:
        q.grad = torch.randn(q.shape)
    before = [q.grad.flatten().tolist() for q in ps]
    norm = float(torch.nn.utils.clip_grad_norm_(ps, limit))
    clips.append({"limit": limit, "norm": norm, "before": before, "after": [q.grad.flatten().tolist() for q in ps]})
json.dump({"cosine": rates, "clip": clips}, open("schedules.json", "w"))
