"""
Makes the models of `npm run bench:zoo`: each architecture with random weights, exported by both exporters of PyTorch with a
free and a fixed batch, and the truth: logits and the gradient of each image's cross-entropy, in float64 and in float32.

    python bench/zoo/make.py [--images 8] [--smooth] FOLDER [NAME ...]

Needs torch, timm, torchvision, onnx and onnxscript. A folder an architecture; those there are not made again.
"""

import argparse
import contextlib
import copy
import io
import json
import logging
import pathlib
import time
import warnings

import numpy
import torch

from architectures import CLASSES, build, names
from smooth import patch_functions, without_kinks
from weights import randomise

FREE = {"dynamo": False, "input_names": ["x"], "output_names": ["y"], "opset_version": 17}
EXPORTS = {
    "torchscript-free": dict(FREE, dynamic_axes={"x": {0: "N"}, "y": {0: "N"}}),
    "torchscript-fixed": FREE,
    "dynamo-free": {"dynamo": True, "external_data": False, "dynamic_shapes": ({0: torch.export.Dim("N")},)},
    "dynamo-fixed": {"dynamo": True, "external_data": False},
}


def gradients(model, images, labels, dtype):
    """
    Logits [N, classes] and the gradient [N, C, H, W] of each image's cross-entropy, computed in `dtype`. Each image in a batch
    of two copies of it, whose gradients are of one image: GCViT mixes its batch, and in a batch of one PyTorch 2.13 has another
    gradient for BatchNorm where that of its output is not contiguous (tokens made of feature maps: LeViT).
    """
    # Parameters without gradients: some models cache what they make of them, with the graph behind it.
    model = copy.deepcopy(model).to(dtype).requires_grad_(False)
    logits, slopes = [], []
    for image, label in zip(images.to(dtype), labels):
        copies = torch.stack([image, image]).requires_grad_(True)
        z = model(copies)
        torch.nn.functional.cross_entropy(z, torch.stack([label, label]), reduction="sum").backward()
        logits.append(z[0].detach())
        slopes.append(copies.grad.mean(0))
    return torch.stack(logits).numpy(), torch.stack(slopes).numpy()


def write_truth(folder, model, images, labels):
    """The float64 results are kept in float32, rounded once. Some models cast to float32 inside: they have no other truth."""
    single = gradients(model, images, labels, torch.float32)
    try:
        truth, exact = gradients(model, images, labels, torch.float64), True
    except RuntimeError:
        truth, exact = single, False
    save = lambda name, array: numpy.save(folder / f"{name}.npy", array)
    save("images", images.numpy())
    save("labels", labels.numpy())
    for suffix, (logits, gradient) in {"": truth, ".float32": single}.items():
        save(f"logits{suffix}", logits.astype(numpy.float32))
        save(f"gradient{suffix}", gradient.astype(numpy.float32))
    return exact


def export(folder, name, model, images):
    example = images[:2] if name.endswith("free") else images[:1]
    path = folder / f"{name}.onnx"
    silence = io.StringIO()
    try:
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            torch.onnx.export(model, (example,), str(path), **EXPORTS[name])
    except Exception as error:  # noqa: BLE001 - an exporter fails in every way there is
        path.unlink(missing_ok=True)
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
    return None


def make(root, name, count, smooth):
    folder = root / name.replace(":", "_")
    if (folder / "facts.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    started = time.time()
    torch.manual_seed(0)
    model, size = build(name)
    if smooth:
        model = without_kinks(model)
    generator = torch.Generator().manual_seed(3)
    randomise(model, torch.rand(8, 3, size, size, generator=generator))
    images = torch.rand(count, 3, size, size, generator=generator)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    exact = write_truth(folder, model, images, labels)
    failures = {export_name: export(folder, export_name, model, images) for export_name in EXPORTS}
    facts = {"name": name, "size": size, "float64": exact, "failures": {k: v for k, v in failures.items() if v}}
    (folder / "facts.json").write_text(json.dumps(facts, indent=2))
    print(f"{name} {size} {time.time() - started:.0f} s {facts['failures']}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--smooth", action="store_true", help="SiLU for ReLU and averages for maxima: no kinks")
    arguments = parser.parse_args()
    if arguments.smooth:
        patch_functions()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    for name in arguments.names or names():
        try:
            make(arguments.folder, name, arguments.images, arguments.smooth)
        except Exception as error:  # noqa: BLE001 - one architecture that cannot be built is no reason to stop
            print(f"{name} not made: {type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    main()
