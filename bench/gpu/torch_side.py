"""PyTorch's side of bench/gpu: a random CIFAR ResNet-18 and images, what PyTorch makes of them, and how fast.

Usage: python torch_side.py FOLDER [--images 1000] [--width 64] [--batches 64,250,500] [--iterations 20] [--rounds 5]
Writes rn18.pt, x.f32, y.f32, logits.f32 and gradient.f32 into FOLDER, and prints a line of JSON for each measurement.
"""

import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--images", type=int, default=1000)
parser.add_argument("--width", type=int, default=64)
parser.add_argument("--batches", default="64,250,500")
parser.add_argument("--iterations", type=int, default=20)
parser.add_argument("--rounds", type=int, default=5)
given = parser.parse_args()
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
EPSILON = 8 / 255

# As igd has it: float32, whatever that costs.
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.benchmark = True
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        changes = stride != 1 or inputs != outputs
        shortcut = (nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if changes else ()
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage in range(4):
            outputs = width << stage
            stride = 1 if stage == 0 else 2
            setattr(self, f"layer{stage + 1}", nn.Sequential(Block(inputs, outputs, stride), Block(outputs, outputs, 1)))
            inputs = outputs
        self.linear = nn.Linear(inputs, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in range(4):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(F.avg_pool2d(x, 4).flatten(1))


def gradient(x, y):
    x = x.detach().requires_grad_()
    logits = net(x)
    loss = F.cross_entropy(logits, y, reduction="none")
    return loss.detach(), logits.detach(), torch.autograd.grad(loss.sum(), x)[0]


def apgd(clean, y, batch):
    """The arithmetic of APGD's steps on the device, without its halving of steps: ascent, momentum, the best point kept."""
    for first in range(0, len(clean), batch):
        x0, labels = clean[first : first + batch], y[first : first + batch]
        low, high = (x0 - EPSILON).clamp(min=0), (x0 + EPSILON).clamp(max=1)
        x, before, best = x0, x0, x0
        highest, _, slope = gradient(x, labels)
        for _ in range(given.iterations):
            ahead = torch.minimum(torch.maximum(x + 2 * EPSILON * slope.sign(), low), high)
            moved = torch.minimum(torch.maximum(x + 0.75 * (ahead - x) + 0.25 * (x - before), low), high)
            before, x = x, moved
            loss, _, slope = gradient(x, labels)
            better = loss > highest
            best, highest = torch.where(better[:, None, None, None], x, best), torch.maximum(loss, highest)


def milliseconds(work):
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


def median(work):
    times = [milliseconds(work) for _ in range(given.rounds + 2)][2:]
    return sorted(times)[len(times) // 2]


def say(what, **facts):
    print(json.dumps({"device": f"torch {DEVICE}", "what": what, **facts}), flush=True)


def without_gradient(x):
    with torch.no_grad():
        return net(x)


net = ResNet18(given.width).eval()
for parameter in net.parameters():
    parameter.requires_grad_(False)
os.makedirs(given.folder, exist_ok=True)
torch.save(net.state_dict(), os.path.join(given.folder, "rn18.pt"))
net.to(DEVICE)
images = torch.rand(given.images, 3, 32, 32)
labels = torch.randint(10, (given.images,))
x, y = images.to(DEVICE), labels.to(DEVICE)

few = min(64, given.images)
_, logits, slopes = gradient(x[:few], y[:few])
for name, value in (("x", images), ("y", labels), ("logits", logits), ("gradient", slopes)):
    value.cpu().numpy().astype(np.float32).tofile(os.path.join(given.folder, f"{name}.f32"))

card = torch.cuda.get_device_name() if DEVICE == "cuda" else None
say("versions", torch=torch.__version__, card=card, width=given.width)
for batch in [size for size in map(int, given.batches.split(",")) if size <= given.images]:
    forward = median(lambda: without_gradient(x[:batch]))
    backward = median(lambda: gradient(x[:batch], y[:batch]))
    say("throughput", batch=batch, forwardPerSecond=1000 * batch / forward, gradientPerSecond=1000 * batch / backward)
    apgd(x[:batch], y[:batch], batch)
    total = milliseconds(lambda: apgd(x, y, batch))
    steps = given.iterations + 1
    speed = 1000 * given.images * steps / total
    say("apgd", batch=batch, images=given.images, msPerStep=total / steps, imagesPerSecond=speed)
