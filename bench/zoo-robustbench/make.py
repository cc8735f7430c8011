"""Builds every model of RobustBench by RobustBench's own code, with random weights, and writes what igd is to find in it.

  python make.py OUT [--robustbench FOLDER] [--only WORD] [--full-size]

needs PyTorch, torchvision and timm, and a checkout of RobustBench or RobustBench itself. For each model OUT/ID.pt holds a state
dict as published, and OUT/ID.{x,y,logits,gradient}.npy images, labels, and logits and gradients of the cross-entropy in float64.
Models are built small unless --full-size is given. Of an ensemble, whose outputs are mean probabilities, the logits are their
logarithms. What cannot be built here is said in OUT/index.json, which `index.ts` reads.
"""

import argparse
import importlib
import json
import sys
import traceback
import types
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision

# What RobustBench imports for downloads and attacks, which nothing here does.
OPTIONAL = ["autoattack", "gdown", "geotorch", "jinja2", "pandas", "requests", "torchdiffeq", "tqdm"]
PROBABILITIES = ("Chen2020Adversarial", "CARD_Deck")
# Not read by igd, and with a solver of its own.
NOT_BUILT = ("Kang2021Stable",)


def import_robustbench(folder):
    for name in OPTIONAL:
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = MagicMock()
    if folder is None:
        return
    # The package's own __init__ imports attacks.
    package = types.ModuleType("robustbench")
    package.__path__ = [str(Path(folder) / "robustbench")]
    sys.modules["robustbench"] = package


def without_downloads():
    create, resnet50 = timm.create_model, torchvision.models.resnet50
    timm.create_model = lambda name, *_, **options: create(name, **{**options, "pretrained": False})
    torchvision.models.resnet50 = lambda pretrained=False, **options: resnet50(**options)
    # BiT of the adaptive mixtures keeps its constants on a GPU.
    torch.Tensor.cuda = lambda self, *_, **__: self


def build(dataset, threat, name, spec):
    """As load_model does: a model that is registered with timm under the entry's name is that one."""
    registered = f"{name}_{dataset}_{threat}".lower().replace("-", "_")
    return timm.create_model(registered) if timm.is_model(registered) else spec["model"]()


def images(dataset, model):
    if dataset != "imagenet":
        return 4, 32
    # Only attention and AlexNet's classifier ask for 224 pixels.
    sized = any(type(module).__name__.lower().startswith(("vision", "xcit", "swin", "timmalex")) for module in model.modules())
    return (1, 224) if sized else (2, 64)


def with_contiguous_gradients(model):
    """PyTorch 2.13 differentiates a BatchNorm2d in eval mode wrongly on a CPU where the gradient that comes in is not contiguous."""

    def hook(_module, _inputs, output):
        if output.requires_grad:
            output.register_hook(lambda gradient: gradient.contiguous())

    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(hook)
    return model


def truth(name, model, count, side):
    x = torch.rand(count, 3, side, side).round(decimals=3)

    def logits_of(images):
        logits = model(images)
        return logits.log() if any(word in name for word in PROBABILITIES) else logits

    leaf = x.double().requires_grad_()
    logits = logits_of(leaf)
    y = torch.randint(0, logits.shape[1], (count,))
    F.cross_entropy(logits, y, reduction="sum").backward()
    # MeanSparse steps, and has no differences to compare with; MixedNUTS rounds its logits to float32.
    if "MeanSparse" not in name and "MixedNUTS" not in name:
        check_gradient(lambda images: F.cross_entropy(logits_of(images), y, reduction="sum"), leaf)
    return {"x": x, "y": y, "logits": logits.detach(), "gradient": leaf.grad}


@torch.no_grad()
def check_gradient(loss, leaf, step=1e-8):
    """Truth is worth what it was checked by: the gradient against a central difference along a random direction."""
    direction = torch.randn_like(leaf)
    difference = (loss(leaf + step * direction) - loss(leaf - step * direction)) / (2 * step)
    slope = (leaf.grad * direction).sum()
    if abs(difference - slope) > 1e-2 * leaf.grad.norm():
        raise ArithmeticError(f"PyTorch's gradient has slope {slope:.6g} where its own loss has {difference:.6g}")


def write(out, entry_id, dataset, threat, name, spec, small_models):
    torch.manual_seed(sum(map(ord, entry_id)))
    with small_models():
        model = build(dataset, threat, name, spec)
    small.randomise(model)
    state = published.as_published(name, dataset, model)
    model = with_contiguous_gradients(model.eval().double())
    # Kept as plain attributes, not buffers, by some.
    for module in model.modules():
        for key in ("mean", "std"):
            if isinstance(getattr(module, key, None), torch.Tensor):
                setattr(module, key, getattr(module, key).double())
    path = out / f"{entry_id}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    for key, value in truth(name, model, *images(dataset, model)).items():
        np.save(out / f"{entry_id}.{key}.npy", value.numpy())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--robustbench")
    parser.add_argument("--only", default="")
    parser.add_argument("--full-size", action="store_true")
    options = parser.parse_args()
    import_robustbench(options.robustbench)
    without_downloads()
    global small, published
    small, published = importlib.import_module("small"), importlib.import_module("published")
    # Its backward pass asks for what PyTorch 2 no longer has; the function is SiLU.
    for name in ("dm_wide_resnet", "dm_rn"):
        importlib.import_module(f"robustbench.model_zoo.architectures.{name}").Swish.forward = lambda self, x: F.silu(x)
    zoo = importlib.import_module("robustbench.model_zoo.models").model_dicts
    index_path = options.out / "index.json"
    index = json.loads(index_path.read_text()) if index_path.exists() else {}
    for dataset, threats in zoo.items():
        for threat, entries in threats.items():
            for name, spec in entries.items():
                entry_id = f"{dataset.value}/{threat.value}/{name}"
                if options.only not in entry_id:
                    continue
                try:
                    if name.startswith(NOT_BUILT):
                        raise NotImplementedError("not built")
                    context = nullcontext if options.full_size else small.small
                    write(options.out, entry_id, dataset.value, threat.value, name, spec, context)
                    index[entry_id] = "made"
                except Exception as error:
                    if not isinstance(error, (NotImplementedError, ArithmeticError)):
                        traceback.print_exc()
                    index[entry_id] = f"{type(error).__name__}: {error}"
                print(entry_id, index[entry_id], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    index_path.write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    main()
