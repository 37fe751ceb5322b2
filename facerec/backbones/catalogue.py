"""Short names for every variant, for tables, tests and benchmarks. YAML names a backbone by its class."""

from collections.abc import Callable
from functools import partial

from facerec.backbones import (
    alexnet,
    cifar_resnet,
    convnext,
    densenet,
    efficientnet,
    iresnet,
    lenet,
    mobilefacenet,
    mobilenet_v1,
    mobilenet_v2,
    nfnet,
    plainnet,
    regnet,
    resnest,
    resnet,
    resnext,
    seresnet,
    spherenet,
    vgg,
)
from facerec.backbones.base import Backbone

CATALOGUE: dict[str, Callable[..., Backbone]] = {
    "lenet": lenet.LeNet,
    "alexnet": alexnet.AlexNet,
    **{f"vgg{depth}": partial(vgg.VGG, depth) for depth in vgg.CONVS_PER_STAGE},
    **{f"plainnet{depth}": partial(plainnet.PlainNet, depth) for depth in plainnet.DEPTHS},
    **{f"resnet{depth}": partial(resnet.ResNet, depth) for depth in resnet.BLOCKS_PER_STAGE},
    **{f"cifar_plainnet{depth}": partial(cifar_resnet.CifarPlainNet, depth) for depth in cifar_resnet.DEPTHS},
    **{f"cifar_resnet{depth}": partial(cifar_resnet.CifarResNet, depth) for depth in cifar_resnet.DEPTHS},
    **{f"seresnet{depth}": partial(seresnet.SEResNet, depth) for depth in resnet.BLOCKS_PER_STAGE},
    **{f"resnext{depth}": partial(resnext.ResNeXt, depth) for depth in resnext.DEPTHS},
    **{f"resnest{depth}": partial(resnest.ResNeSt, depth) for depth in resnest.STEM_WIDTHS},
    **{f"regnet_{name.lower()}": partial(regnet.RegNet, name) for name in regnet.VARIANTS},
    **{f"densenet{depth}": partial(densenet.DenseNet, depth) for depth in densenet.LAYERS_PER_BLOCK},
    "mobilenet_v1": mobilenet_v1.MobileNetV1,
    "mobilenet_v2": mobilenet_v2.MobileNetV2,
    **{f"efficientnet_{name.lower()}": partial(efficientnet.EfficientNet, name) for name in efficientnet.VARIANTS},
    **{f"convnext_{name}": partial(convnext.ConvNeXt, name) for name in convnext.VARIANTS},
    **{f"nfnet_{name.lower()}": partial(nfnet.NFNet, name) for name in nfnet.VARIANTS},
    **{f"spherenet{depth}": partial(spherenet.SphereNet, depth) for depth in spherenet.UNITS_PER_STAGE},
    **{f"iresnet{depth}": partial(iresnet.IResNet, depth) for depth in iresnet.BLOCKS_PER_STAGE},
    "mobilefacenet": mobilefacenet.MobileFaceNet,
}
"""Each takes the other arguments of its class, such as ``embedding_dim``."""
