"""
The same architectures without kinks: where a network has so many ReLUs that rounding flips one on every image, its gradient
cannot be compared with float64, PyTorch's own float32 neither. Smooth, every image has to agree, and only ReLU and the
pools, whose rules are tested alone, are not looked at.
"""

import torch.nn.functional as F
from torch import nn

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Hardswish, nn.Hardsigmoid)


def without_kinks(model):
    """The model with SiLU for piecewise linear activations and averages for maxima; modules only, see `patch_functions`."""
    for name, child in model.named_children():
        if isinstance(child, ACTIVATIONS):
            setattr(model, name, nn.Sigmoid() if isinstance(child, nn.Hardsigmoid) else nn.SiLU())
        elif isinstance(child, nn.MaxPool2d):
            setattr(model, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode, False))
        else:
            without_kinks(child)
    return model


def patch_functions():
    """For models that call functions: for the whole process, so that exporters see it too."""
    F.relu = lambda x, inplace=False: F.silu(x)
    F.max_pool2d = lambda x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False: F.avg_pool2d(
        x, kernel_size, stride, padding, ceil_mode, False
    )
