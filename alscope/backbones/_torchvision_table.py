"""What is known about torchvision's classification models without loading torchvision."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["MODELS", "Known"]


class Known(NamedTuple):
    """Facts about one model.

    Attributes:
        n_features: Inputs of its last linear layer.
        weights: File of its ImageNet weights; the name ends in the beginning of their SHA-256.
        smallest: Shortest side of an image it reads.
        exact: Whether it reads images of that side only.
    """

    n_features: int
    weights: str
    smallest: int = 1
    exact: bool = False

    def size_problem(self, side: int) -> str:
        """Why images of this side cannot be read, to follow the model's name; "" if they can."""
        if side == self.smallest or (side > self.smallest and not self.exact):
            return ""
        wanted = "exactly" if self.exact else "at least"
        return (
            f"needs images of {wanted} {self.smallest}x{self.smallest} pixels, not {side}; "
            f"set backbone.params.image_size = {self.smallest}"
        )


# Left out: models without a linear head, with outputs beside it, or with weights that want other
# statistics than those of ImageNet.
MODELS: Mapping[str, Known] = MappingProxyType(
    {
        "alexnet": Known(4096, "alexnet-owt-7be5be79.pth", 63),
        "convnext_base": Known(1024, "convnext_base-6075fbad.pth", 32),
        "convnext_large": Known(1536, "convnext_large-ea097f82.pth", 32),
        "convnext_small": Known(768, "convnext_small-0c510722.pth", 32),
        "convnext_tiny": Known(768, "convnext_tiny-983f1562.pth", 32),
        "densenet121": Known(1024, "densenet121-a639ec97.pth", 29),
        "densenet161": Known(2208, "densenet161-8d451a50.pth", 29),
        "densenet169": Known(1664, "densenet169-b2777c0a.pth", 29),
        "densenet201": Known(1920, "densenet201-c1103571.pth", 29),
        "efficientnet_b0": Known(1280, "efficientnet_b0_rwightman-7f5810bc.pth"),
        "efficientnet_b1": Known(1280, "efficientnet_b1-c27df63c.pth"),
        "efficientnet_b2": Known(1408, "efficientnet_b2_rwightman-c35c1473.pth"),
        "efficientnet_b3": Known(1536, "efficientnet_b3_rwightman-b3899882.pth"),
        "efficientnet_b4": Known(1792, "efficientnet_b4_rwightman-23ab8bcd.pth"),
        "efficientnet_b5": Known(2048, "efficientnet_b5_lukemelas-1a07897c.pth"),
        "efficientnet_b6": Known(2304, "efficientnet_b6_lukemelas-24a108a5.pth"),
        "efficientnet_b7": Known(2560, "efficientnet_b7_lukemelas-c5b4e57e.pth"),
        "efficientnet_v2_m": Known(1280, "efficientnet_v2_m-dc08266a.pth", 33),
        "efficientnet_v2_s": Known(1280, "efficientnet_v2_s-dd5fe13b.pth", 33),
        "mobilenet_v2": Known(1280, "mobilenet_v2-7ebf99e0.pth"),
        "mobilenet_v3_large": Known(1280, "mobilenet_v3_large-5c1a4163.pth"),
        "mobilenet_v3_small": Known(1024, "mobilenet_v3_small-047dcff4.pth"),
        "regnet_x_16gf": Known(2048, "regnet_x_16gf-ba3796d7.pth"),
        "regnet_x_1_6gf": Known(912, "regnet_x_1_6gf-a12f2b72.pth"),
        "regnet_x_32gf": Known(2520, "regnet_x_32gf-6eb8fdc6.pth"),
        "regnet_x_3_2gf": Known(1008, "regnet_x_3_2gf-7071aa85.pth"),
        "regnet_x_400mf": Known(400, "regnet_x_400mf-62229a5f.pth"),
        "regnet_x_800mf": Known(672, "regnet_x_800mf-94a99ebd.pth"),
        "regnet_x_8gf": Known(1920, "regnet_x_8gf-2b70d774.pth"),
        "regnet_y_16gf": Known(3024, "regnet_y_16gf-3e4a00f9.pth"),
        "regnet_y_1_6gf": Known(888, "regnet_y_1_6gf-0d7bc02a.pth"),
        "regnet_y_32gf": Known(3712, "regnet_y_32gf-8db6d4b5.pth"),
        "regnet_y_3_2gf": Known(1512, "regnet_y_3_2gf-9180c971.pth"),
        "regnet_y_400mf": Known(440, "regnet_y_400mf-e6988f5f.pth"),
        "regnet_y_800mf": Known(784, "regnet_y_800mf-58fc7688.pth"),
        "regnet_y_8gf": Known(2016, "regnet_y_8gf-dc2b1b54.pth"),
        "resnet101": Known(2048, "resnet101-cd907fc2.pth"),
        "resnet152": Known(2048, "resnet152-f82ba261.pth"),
        "resnet18": Known(512, "resnet18-f37072fd.pth"),
        "resnet34": Known(512, "resnet34-b627a593.pth"),
        "resnet50": Known(2048, "resnet50-11ad3fa6.pth"),
        "resnext101_32x8d": Known(2048, "resnext101_32x8d-110c445d.pth"),
        "resnext101_64x4d": Known(2048, "resnext101_64x4d-173b62eb.pth"),
        "resnext50_32x4d": Known(2048, "resnext50_32x4d-1a0047aa.pth"),
        "shufflenet_v2_x0_5": Known(1024, "shufflenetv2_x0.5-f707e7126e.pth"),
        "shufflenet_v2_x1_0": Known(1024, "shufflenetv2_x1-5666bf0f80.pth"),
        "shufflenet_v2_x1_5": Known(1024, "shufflenetv2_x1_5-3c479a10.pth"),
        "shufflenet_v2_x2_0": Known(2048, "shufflenetv2_x2_0-8be3c8ee.pth"),
        "swin_b": Known(1024, "swin_b-68c6b09e.pth", 224),
        "swin_s": Known(768, "swin_s-5e29d889.pth", 224),
        "swin_t": Known(768, "swin_t-704ceda3.pth", 224),
        "swin_v2_b": Known(1024, "swin_v2_b-781e5279.pth", 256),
        "swin_v2_s": Known(768, "swin_v2_s-637d8ceb.pth", 256),
        "swin_v2_t": Known(768, "swin_v2_t-b137f0e2.pth", 256),
        "vgg11": Known(4096, "vgg11-8a719046.pth", 32),
        "vgg11_bn": Known(4096, "vgg11_bn-6002323d.pth", 32),
        "vgg13": Known(4096, "vgg13-19584684.pth", 32),
        "vgg13_bn": Known(4096, "vgg13_bn-abd245e5.pth", 32),
        "vgg16": Known(4096, "vgg16-397923af.pth", 32),
        "vgg16_bn": Known(4096, "vgg16_bn-6c64b313.pth", 32),
        "vgg19": Known(4096, "vgg19-dcbb9e9d.pth", 32),
        "vgg19_bn": Known(4096, "vgg19_bn-c79401a0.pth", 32),
        "vit_b_16": Known(768, "vit_b_16-c867db91.pth", 224, exact=True),
        "vit_b_32": Known(768, "vit_b_32-d86f8d99.pth", 224, exact=True),
        "vit_l_16": Known(1024, "vit_l_16-852ce7e3.pth", 224, exact=True),
        "vit_l_32": Known(1024, "vit_l_32-c7638314.pth", 224, exact=True),
        "wide_resnet101_2": Known(2048, "wide_resnet101_2-d733dc28.pth"),
        "wide_resnet50_2": Known(2048, "wide_resnet50_2-9ba9bcbe.pth"),
    }
)
