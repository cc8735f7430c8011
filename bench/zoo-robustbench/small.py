"""RobustBench's own classes, built with few channels and blocks: the same code, in seconds and megabytes."""

from contextlib import contextmanager

import torch
from robustbench.model_zoo.architectures import (
    CARD_resnet,
    MIMIR_swin_transformer,
    Meansparse_ra_wrn_70_16,
    Meansparse_swin_L,
    Meansparse_wrn_70_16,
    Meansparse_wrn_94_16,
    bit_rn,
    bit_rn_v2,
    convnext_v2,
    dm_rn,
    dm_wide_resnet,
    mixing_net,
    paf_wide_resnet,
    resnest,
    resnet,
    resnext,
    robust_resnet,
    robust_wide_resnet,
    robustarch_wide_resnet,
    wide_resnet,
)
from timm.models import convnext, swin_transformer, vision_transformer, xcit
from torch import nn
from torchvision.models import resnet as torchvision_resnet

WIDE = {"depth": 16, "widen_factor": 2}
DEEPMIND = {"depth": 16, "width": 2}
RA = {"stem_width": 12, "depth": [2, 2, 2], "stage_width": [24, 32, 48]}

# Arguments that take the place of those that RobustBench gives; the rest stays as it is.
ARGUMENTS = {
    wide_resnet.WideResNet: WIDE,
    paf_wide_resnet.PAF_WideResNet: WIDE,
    dm_wide_resnet.DMWideResNet: DEEPMIND,
    Meansparse_wrn_70_16.DMWideResNet: DEEPMIND,
    Meansparse_wrn_94_16.MeanSparse_DMWideResNet: DEEPMIND,
    robustarch_wide_resnet.NormalizedWideResNet: RA,
    Meansparse_ra_wrn_70_16.NormalizedWideResNet: RA,
    robustarch_wide_resnet.NormalizedConfigurableModel: {"depths": [2, 1, 2, 1]},
    robust_wide_resnet.RobustWideResNet: {"channel_configs": [16, 24, 40, 32], "depth_configs": [2, 2, 2]},
    robust_resnet.PreActResNet: {"channel_configs": [16, 24, 40, 32], "depth_configs": [3, 2, 1]},
    CARD_resnet.LRR_ResNet: {"width": 16},
    resnext.CifarResNeXt: {"depth": 20, "base_width": 8},
    resnest.ResNest: {"layers": [1, 2, 2, 1]},
    torchvision_resnet.ResNet: {"layers": [2, 1, 2, 1]},
    bit_rn.ResNetV2: {"block_units": [1, 1, 1, 1]},
    bit_rn_v2.ResNetV2: {"block_units": [1, 1, 1, 1]},
    # As wide as the network that mixes its features, divided by 4, wants it.
    dm_rn.WideResNet: {"depth": 10, "width": 4},
    convnext_v2.ConvNeXtV2: {"depths": [1, 1, 2, 1]},
    # Widths stay where heads are told by them.
    vision_transformer.VisionTransformer: {"depth": 2},
    xcit.Xcit: {"depth": 2},
    convnext.ConvNeXt: {"depths": (1, 1, 2, 1)},
    swin_transformer.SwinTransformer: {"depths": (2, 2, 2, 2)},
    Meansparse_swin_L.SwinTransformer: {"depths": (2, 2, 2, 2)},
    MIMIR_swin_transformer.SwinTransformer: {"depths": (2, 2, 2, 2)},
}
# Widths written into a class are divided instead: every convolution, BatchNorm and linear layer that it makes.
DIVIDED = {
    resnet.ResNet: 4,
    resnet.PreActResNet: 4,
    dm_wide_resnet.DMPreActResNet: 4,
    CARD_resnet.WidePreActResNet: 8,
    bit_rn.ResNetV2: 4,
    bit_rn_v2.ResNetV2: 4,
    mixing_net.MixingNetV4: 4,
}
POSITIONS = {torchvision_resnet.ResNet: ["block", "layers"], resnest.ResNest: ["block", "layers"]}
MODULES = (nn.Conv2d, nn.BatchNorm2d, nn.Linear, nn.GroupNorm)
KEPT = {3, 10, 100}


@contextmanager
def small():
    """Within it, models are built small."""
    originals = {}
    for cls, arguments in ARGUMENTS.items():
        originals[cls] = cls.__init__
        cls.__init__ = with_arguments(cls.__init__, arguments, POSITIONS.get(cls, []))
    for cls, factor in DIVIDED.items():
        originals.setdefault(cls, cls.__init__)
        cls.__init__ = divided(cls.__init__, factor)
    try:
        yield
    finally:
        for cls, original in originals.items():
            cls.__init__ = original


def with_arguments(init, arguments, positions):
    names = init.__code__.co_varnames[1 : init.__code__.co_argcount]

    def replaced(self, *given, **options):
        options.update(zip(positions or names, given))
        init(self, **{**options, **{name: value for name, value in arguments.items()}})

    return replaced


def divided(init, factor):
    def narrower(self, *given, **options):
        with narrow(factor):
            init(self, *given, **options)
        if hasattr(self, "planes"):
            self.planes = self.planes // factor

    return narrower


@contextmanager
def narrow(factor):
    originals = {cls: cls.__init__ for cls in MODULES}

    def width(value):
        return value if value in KEPT else max(value // factor, 1)

    def pair(original):
        return lambda self, a, b, *rest, **options: original(self, width(a), width(b), *rest, **options)

    def single(original):
        return lambda self, a, *rest, **options: original(self, width(a), *rest, **options)

    def grouped(original):
        return lambda self, groups, a, *rest, **options: original(self, groups, width(a), *rest, **options)

    kinds = {nn.BatchNorm2d: single, nn.GroupNorm: grouped}
    for cls in MODULES:
        cls.__init__ = kinds.get(cls, pair)(originals[cls])
    try:
        yield
    finally:
        for cls, original in originals.items():
            cls.__init__ = original


@torch.no_grad()
def randomise(model):
    """Statistics, scales and shifts that matter, where initialisation leaves ones and zeros."""
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        last = name.rsplit(".", 1)[-1]
        if last in ("mu", "sigma", "mean", "std", "num_batches_tracked", "momentum", "epsilon", "batch_num"):
            continue
        if not value.is_floating_point():
            continue
        if last == "running_mean":
            value.normal_(0, 0.3)
        elif last == "running_var":
            value.uniform_(0.5, 1.5)
        elif last == "threshold":
            # A step at every value that it nulls: with those of a Swin's 3136 tokens no two float types agree.
            value.fill_(0.0 if "layers." in name and "layers.3." not in name else 0.25)
        elif last == "alpha":
            value.fill_(1.3)
        elif last == "beta":
            value.fill_(0.1)
        elif "gamma" in last or last == "temperature":
            value.uniform_(0.3, 0.8)
        elif last in ("cls_token", "pos_embed", "relative_position_bias_table"):
            value.normal_(0, 0.5)
        elif value.ndim == 1 and last == "weight":
            value.uniform_(0.5, 1.5)
        elif last == "bias":
            value.normal_(0, 0.1)
