"""Random weights that leave no part of a model without effect."""

import torch
from torch import nn

# Constant parameters smaller than this are zeros or layer scales: multiplied, they would stay without effect.
NEARLY_ZERO = 1e-3


@torch.no_grad()
def randomise(model, images, seed=1):
    """
    Constructors begin with ones, zeros and layer scales of 1e-6, behind which a wrong gradient would not show. Constant
    parameters get a spread, and BatchNorm the statistics of `images`, moved as training would move them.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        spread(name, parameter, generator)
    measure_statistics(model, images, generator)
    model.eval()


def spread(name, parameter, generator):
    normal = torch.randn(parameter.shape, generator=generator)
    uniform = torch.rand(parameter.shape, generator=generator)
    constant = parameter.numel() == 1 or float(parameter.std()) == 0
    kind = name.rsplit(".", 1)[-1].lower()
    if not constant:
        if parameter.ndim == 1 and "bias" in kind:
            parameter.copy_(0.1 * normal)
    elif abs(float(parameter.flatten()[0])) >= NEARLY_ZERO:
        parameter.mul_(0.7 + 0.6 * uniform)
    elif parameter.numel() > 1 and any(word in kind for word in ("weight", "gamma", "scale")):
        parameter.copy_(0.3 + 0.7 * uniform)
    else:
        parameter.copy_(0.1 * normal)


def measure_statistics(model, images, generator):
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    tracked = [norm for norm in norms if norm.running_mean is not None]
    momenta = [norm.momentum for norm in tracked]
    if not tracked:
        return
    for norm in tracked:
        norm.momentum = 1.0
    model.train()
    model(images)
    for norm, momentum in zip(tracked, momenta):
        norm.momentum = momentum
        shift = torch.randn(norm.running_mean.shape, generator=generator)
        norm.running_mean.add_(0.2 * shift * norm.running_var.sqrt())
        norm.running_var.mul_(0.7 + 0.7 * torch.rand(norm.running_var.shape, generator=generator)).add_(1e-3)
