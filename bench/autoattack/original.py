"""The original AutoAttack (fra31/auto-attack, the user's own copy) on a CIFAR ResNet-18, plain and masked: what it breaks, and
how long each attack takes. Prints JSON. The masked model is the public code's: two full passes, m = softmax(z / tau) @ masks.

Usage: python3 original.py AUTO_ATTACK_DIR JOB.json, the job written by autoattack.ts.
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'examples/demo'))
from train_shapes10 import ResNet18, load  # noqa: E402


class Masked(nn.Module):
    """The defence at layer4, after the average pool."""

    def __init__(self, base, masks, tau):
        super().__init__()
        self.base, self.masks, self.tau = base, masks, tau

    def forward(self, x):
        m = self.base
        mask = F.softmax(m(x) / self.tau, 1) @ self.masks
        h = m.layer4(m.layer3(m.layer2(m.layer1(F.relu(m.bn1(m.conv1(x)))))))
        return m.linear(F.avg_pool2d(h, 4).flatten(1) * mask)


def main(repository, job):
    sys.path.insert(0, repository)
    from autoattack import AutoAttack

    torch.set_num_threads(job['threads'])
    state = torch.load(job['checkpoint'], map_location='cpu')
    base = ResNet18(state['conv1.weight'].shape[0], state['linear.weight'].shape[0])
    base.load_state_dict(state)
    base.eval()
    x, y = load(job['test'])
    x, y = x[:job['count']], y[:job['count']]
    for parameter in base.parameters():
        parameter.requires_grad_(False)
    masks = job['masks'] and torch.tensor(job['masks'], dtype=torch.float32)
    model = base if masks is None else Masked(base, masks, job['temperature'])
    adversary = AutoAttack(model, norm=job['norm'], eps=job['epsilon'], version='custom', attacks_to_run=[], seed=job['seed'],
                           device='cpu', verbose=False)
    adversary.apgd.n_restarts = adversary.fab.n_restarts = adversary.apgd_targeted.n_restarts = 1
    with torch.no_grad():
        right = model(x).max(1)[1] == y
    broken_by = [None if r else 'clean' for r in right.tolist()]
    attacks = []
    for attack in job['attacks']:
        standing = [i for i, b in enumerate(broken_by) if b is None]
        adversary.attacks_to_run = [attack]
        start = time.perf_counter()
        if standing:
            examples = adversary.run_standard_evaluation(x[standing], y[standing], bs=job['batchSize'])
            with torch.no_grad():
                fooled = model(examples).max(1)[1] != y[standing]
            for i, f in zip(standing, fooled.tolist()):
                if f:
                    broken_by[i] = attack
        attacks.append({'attack': attack, 'seconds': time.perf_counter() - start})
    print(json.dumps({'brokenBy': broken_by, 'attacks': attacks, 'torch': torch.__version__}))


if __name__ == '__main__':
    main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))
