"""The architectures of timm and torchvision that the exports are checked on, made small where their constructors allow it."""

import timm
import torch
import torchvision
from torch import nn

CLASSES = 10
# The image size that an architecture insists on, where it does not take the one asked for.
SIZES_TO_TRY = (224, 256)


def stages(**more):
    return {"depths": (1, 1, 1, 1), **more}


def layers():
    return {"layers": (1, 1, 1, 1)}


# name -> (image size, arguments of its constructor). Depth is cut, never a kind of block: each kind stays at least once.
TIMM = {
    "resnet18": (64, {}),
    "resnext50_32x4d": (64, layers()),
    "resnetv2_50x1_bit": (64, layers()),
    "resnetv2_50": (64, layers()),
    "densenet121": (64, {"block_config": (2, 2, 2, 2)}),
    "mobilenetv2_035": (64, {}),
    "mobilenetv3_small_050": (64, {}),
    "mobilenetv4_conv_small_035": (64, {}),
    "mobilenetv4_hybrid_medium_075": (128, {}),
    "efficientnet_b0": (64, {}),
    "tf_efficientnet_b0": (64, {}),
    "tf_efficientnetv2_b0": (64, {}),
    "regnetx_002": (64, {}),
    "regnety_002": (64, {}),
    "convnext_atto": (64, {"depths": (1, 1, 2, 1)}),
    "convnextv2_atto": (64, {"depths": (1, 1, 2, 1)}),
    "swin_tiny_patch4_window7_224": (112, {"depths": (2, 2, 2, 2)}),
    "swinv2_tiny_window8_256": (128, {"depths": (2, 2, 2, 2)}),
    "swinv2_cr_tiny_224": (224, {"depths": (2, 1, 1, 1)}),
    "vit_tiny_patch16_224": (64, {"depth": 2}),
    "deit_tiny_distilled_patch16_224": (64, {"depth": 2}),
    "deit3_small_patch16_224": (64, {"depth": 2}),
    "beit_base_patch16_224": (64, {"depth": 2}),
    "beitv2_base_patch16_224": (64, {"depth": 1}),
    "xcit_nano_12_p16_224": (64, {"depth": 2}),
    "cait_xxs24_224": (64, {"depth": 2}),
    "maxvit_pico_rw_256": (128, stages()),
    "coatnet_pico_rw_224": (128, stages()),
    "coat_lite_tiny": (64, {}),
    "mixer_s32_224": (64, {"num_blocks": 2}),
    "resmlp_12_224": (64, {"num_blocks": 2}),
    "gmlp_ti16_224": (64, {"num_blocks": 2}),
    "poolformer_s12": (64, layers()),
    "caformer_s18": (64, stages()),
    "convformer_s18": (64, stages()),
    "pvt_v2_b0": (64, {}),
    "crossvit_9_240": (240, {}),
    "levit_128s": (224, {}),
    "levit_conv_128s": (224, {}),
    "efficientformer_l1": (224, {}),
    "efficientformerv2_s0": (224, {}),
    "ghostnet_050": (64, {}),
    "ghostnetv2_100": (64, {}),
    "inception_v3": (128, {}),
    "inception_next_atto": (64, stages()),
    "nfnet_l0": (64, stages()),
    "nf_regnet_b0": (64, {}),
    "repvgg_a0": (64, {}),
    "hrnet_w18_small": (64, {}),
    "dla46_c": (64, {}),
    "dla60_res2net": (64, {}),
    "dpn48b": (64, {}),
    "res2net50_26w_4s": (64, layers()),
    "skresnet18": (64, {}),
    "senet154": (64, layers()),
    "seresnext26ts": (64, {}),
    "resnest14d": (64, {}),
    "volo_d1_224": (224, layers()),
    "twins_pcpvt_small": (64, stages()),
    "twins_svt_small": (224, stages()),
    "edgenext_xx_small": (64, {}),
    "fastvit_t8": (64, {}),
    "fastvit_sa12": (64, {}),
    "mobilevit_xxs": (64, {}),
    "mobilevitv2_050": (64, {}),
    "tiny_vit_5m_224": (224, stages()),
    "hiera_tiny_224": (224, {}),
    "eva02_tiny_patch14_224": (56, {"depth": 2}),
    "vit_base_patch16_rope_224": (64, {"depth": 1}),
    "vit_small_patch14_reg4_dinov2": (56, {"depth": 2}),
    "vit_base_patch16_siglip_224": (64, {"depth": 1}),
    "botnet26t_256": (128, {}),
    "halonet26t": (128, {}),
    "lambda_resnet26t": (128, {}),
    "gcresnext26ts": (64, {}),
    "ecaresnet26t": (64, {}),
    "cspresnet50": (64, {}),
    "vovnet39a": (64, {}),
    "ese_vovnet19b_slim_dw": (64, {}),
    "selecsls42b": (64, {}),
    "rexnet_100": (64, {}),
    "hardcorenas_a": (64, {}),
    "visformer_tiny": (224, {}),
    "convit_tiny": (64, {"depth": 3, "local_up_to_layer": 2}),
    "nest_tiny": (224, {"depths": (1, 1, 2)}),
    "pit_ti_224": (224, {}),
    "tnt_s_patch16_224": (224, {"depth": 1}),
    "focalnet_tiny_srf": (64, stages()),
    "davit_tiny": (64, stages()),
    "gcvit_xxtiny": (224, stages()),
    "mvitv2_tiny": (224, {}),
    "repghostnet_050": (64, {}),
    "repvit_m0_9": (64, {}),
    "efficientvit_b0": (64, {}),
    "efficientvit_m0": (224, {}),
    "starnet_s1": (64, {}),
    "swiftformer_xs": (64, {}),
    "shvit_s1": (64, {}),
    "rdnet_tiny": (64, {}),
    "mambaout_femto": (64, stages()),
    "sequencer2d_s": (64, {}),
    "convmixer_768_32": (64, {"depth": 2}),
    "tresnet_m": (64, {}),
    "mixnet_s": (64, {}),
    "lcnet_035": (64, {}),
    "fbnetv3_b": (64, {}),
    "hgnetv2_b0": (64, {}),
    "mnasnet_small": (64, {}),
    "test_vit3": (160, {}),
    "test_efficientnet_evos": (64, {}),
    "test_mambaout": (64, {}),
    "csatv2": (128, {}),
    "vitamin_small_224": (64, {}),
}

TORCHVISION = {
    "resnet18": 64,
    "densenet121": 64,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "efficientnet_b0": 64,
    "regnet_y_400mf": 64,
    "convnext_tiny": 64,
    "swin_t": 112,
    "swin_v2_t": 112,
    "vit_b_16": 64,
    "maxvit_t": 224,
    "shufflenet_v2_x0_5": 64,
    "squeezenet1_1": 64,
    "inception_v3": 128,
    "googlenet": 64,
    "mnasnet0_5": 64,
    "alexnet": 224,
    "vgg11_bn": 224,
}


def names():
    """Every architecture, as "timm:NAME" or "torchvision:NAME"."""
    return [f"torchvision:{name}" for name in TORCHVISION] + [f"timm:{name}" for name in TIMM]


def build(name):
    """A model of the architecture, in evaluation mode, and the image size it takes."""
    source, short = name.split(":")
    wanted = TORCHVISION[short] if source == "torchvision" else TIMM[short][0]
    for size in (wanted, *SIZES_TO_TRY):
        model = from_torchvision(short, size) if source == "torchvision" else from_timm(short, size, TIMM[short][1])
        if accepts(model.eval(), size):
            return model, size
    raise ValueError(f"{name} takes images of none of the sizes tried")


def accepts(model, size):
    try:
        with torch.no_grad():
            return model(torch.rand(1, 3, size, size)).shape == (1, CLASSES)
    except (RuntimeError, AssertionError, ValueError):
        return False


def from_timm(name, size, arguments):
    """Not every constructor knows `img_size`, or the arguments that cut its depth."""
    for attempt in ({**arguments, "img_size": size}, arguments, {"img_size": size}, {}):
        try:
            return timm.create_model(name, pretrained=False, num_classes=CLASSES, **attempt)
        except (TypeError, RuntimeError, AssertionError) as error:
            last = error
    raise last


def from_torchvision(name, size):
    if name in SMALL_TRANSFORMERS:
        return SMALL_TRANSFORMERS[name](size)
    more = {"aux_logits": False, "init_weights": True} if name in ("inception_v3", "googlenet") else {}
    model = getattr(torchvision.models, name)(num_classes=CLASSES, **more)
    if name == "alexnet":
        model.classifier = nn.Sequential(nn.Dropout(), nn.Linear(9216, 64), nn.ReLU(True), nn.Linear(64, CLASSES))
    if name == "vgg11_bn":
        model.classifier = nn.Sequential(nn.Linear(25088, 64), nn.ReLU(True), nn.Dropout(), nn.Linear(64, CLASSES))
    if name == "convnext_tiny":
        return torchvision.models.ConvNeXt(small_convnext(), num_classes=CLASSES)
    return model


def small_convnext():
    from torchvision.models.convnext import CNBlockConfig

    return [CNBlockConfig(24, 48, 1), CNBlockConfig(48, 96, 1), CNBlockConfig(96, 192, 2), CNBlockConfig(192, None, 1)]


def small_vit(size):
    return torchvision.models.VisionTransformer(
        image_size=size, patch_size=16, num_layers=2, num_heads=3, hidden_dim=96, mlp_dim=192, num_classes=CLASSES
    )


def small_swin(window, **more):
    return torchvision.models.SwinTransformer(
        patch_size=[4, 4],
        embed_dim=48,
        depths=[2, 2, 1, 1],
        num_heads=[3, 3, 3, 3],
        window_size=[window, window],
        num_classes=CLASSES,
        **more,
    )


def small_swin_v2(_):
    from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2

    return small_swin(8, block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2)


def small_maxvit(size):
    return torchvision.models.MaxVit(
        input_size=(size, size),
        stem_channels=16,
        partition_size=7,
        block_channels=[16, 32, 32, 64],
        block_layers=[1, 1, 1, 1],
        head_dim=16,
        stochastic_depth_prob=0.0,
        num_classes=CLASSES,
    )


SMALL_TRANSFORMERS = {
    "vit_b_16": small_vit,
    "swin_t": lambda _: small_swin(7),
    "swin_v2_t": small_swin_v2,
    "maxvit_t": small_maxvit,
}
