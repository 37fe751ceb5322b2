"""Weights that another library trained, under the names of our networks: one table for each architecture.

A table renames by regular expressions, one after another. ``tests/backbones/test_foreign_names.py`` sees that the
renamed weights give the other library's outputs. insightface's pixels are ours: RGB, (x - 127.5) / 127.5.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from facerec.backbones.base import Backbone
from facerec.backbones.convnext import ConvNeXt
from facerec.backbones.efficientnet import EfficientNet
from facerec.backbones.iresnet import IResNet
from facerec.backbones.mobilenet_v2 import MobileNetV2
from facerec.backbones.regnet import RegNet
from facerec.backbones.resnet import ResNet
from facerec.backbones.resnext import ResNeXt
from facerec.backbones.seresnet import SEResNet
from facerec.backbones.timm_backbone import TimmBackbone

Renames = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
INSIGHTFACE, TIMM = "insightface", "timm"
HEAD = "head."
FIRST_SHORTCUT = "stages.0.0.shortcut."  # the face stem leaves it to the first stage to halve the map
HEAD_BIAS, HEAD_MEAN = "head.linear.bias", "head.norm.running_mean"


def _from_zero(match: re.Match[str]) -> str:
    """Our stage, and block if it is named, where the library counts from 1."""
    return "".join(["stages.", *(f"{int(number) - 1}." for number in match.groups())])


def _layers(places: Mapping[str, str], within: str = "") -> Renames:
    """Layers of a block by their places in ours."""
    return tuple((rf"^({within}.*\.){re.escape(name)}\.", rf"\g<1>{place}.") for name, place in places.items())


OF_INSIGHTFACE: Renames = (
    (r"^conv1\.", "stem.0."),
    (r"^bn1\.", "stem.1."),
    (r"^prelu\.", "stem.2."),
    (r"^layer(\d)\.", _from_zero),
    *_layers({"bn1": "branch.0", "conv1": "branch.1", "bn2": "branch.2", "prelu": "branch.3"}),
    *_layers({"conv2": "branch.4", "bn3": "branch.5", "downsample": "shortcut"}),
    (r"^bn2\.", "stages.4."),
    (r"^fc\.", "head.linear."),
    (r"^features\.", "head.norm."),
)
RESNET: Renames = (
    (r"^conv1\.", "stem.0."),
    (r"^bn1\.", "stem.1."),
    (r"^layer(\d)\.", _from_zero),
    *_layers({"conv1": "branch.0", "bn1": "branch.1", "conv2": "branch.3", "bn2": "branch.4"}),
    *_layers({"conv3": "branch.6", "bn3": "branch.7", "downsample": "shortcut"}),
)
SE_OF_BASIC_BLOCK = _layers({"se.fc1": "branch.5.squeeze", "se.fc2": "branch.5.excite"})
SE_OF_BOTTLENECK = _layers({"se.fc1": "branch.8.squeeze", "se.fc2": "branch.8.excite"})
REGNET: Renames = (
    (r"^stem\.conv\.", "stem.0."),
    (r"^stem\.bn\.", "stem.1."),
    (r"^s(\d+)\.b(\d+)\.", _from_zero),
    *_layers({"conv1.conv": "branch.0", "conv1.bn": "branch.1", "conv2.conv": "branch.3", "conv2.bn": "branch.4"}),
    *_layers({"downsample.conv": "shortcut.0", "downsample.bn": "shortcut.1"}),
)
REGNET_X = REGNET + _layers({"conv3.conv": "branch.6", "conv3.bn": "branch.7"})
REGNET_Y = REGNET + _layers(
    {"se.fc1": "branch.6.squeeze", "se.fc2": "branch.6.excite", "conv3.conv": "branch.7", "conv3.bn": "branch.8"}
)
INVERTED_RESIDUALS: Renames = (
    (r"^conv_stem\.", "stem.0."),
    (r"^bn1\.", "stem.1."),
    (r"^conv_head\.", "stages.7.0."),
    (r"^bn2\.", "stages.7.1."),
    (r"^blocks\.(\d)\.0\.", r"stages.\1.0."),  # the first block of a stage has no shortcut around its branch
    (r"^blocks\.(\d)\.(\d+)\.", r"stages.\1.\2.branch."),
)
UNEXPANDED = r"stages\.0\."  # the blocks of the first stage do not expand
MOBILENET_V2 = (
    *INVERTED_RESIDUALS,
    *_layers({"conv_dw": "0", "bn1": "1", "conv_pw": "3", "bn2": "4"}, within=UNEXPANDED),
    *_layers({"conv_pw": "0", "bn1": "1", "conv_dw": "3", "bn2": "4", "conv_pwl": "6", "bn3": "7"}),
)
EFFICIENTNET = (
    *INVERTED_RESIDUALS,
    *_layers({"conv_dw": "0", "bn1": "1", "conv_pw": "4", "bn2": "5"}, within=UNEXPANDED),
    *_layers({"se.conv_reduce": "3.squeeze", "se.conv_expand": "3.excite"}, within=UNEXPANDED),
    *_layers({"conv_pw": "0", "bn1": "1", "conv_dw": "3", "bn2": "4", "conv_pwl": "7", "bn3": "8"}),
    *_layers({"se.conv_reduce": "6.squeeze", "se.conv_expand": "6.excite"}),
)
CONVNEXT: Renames = (
    (r"^head\.norm\.", "head.feature_norm."),
    (r"^stages\.(\d)\.downsample\.", r"stages.\1.0."),
    (r"^stages\.([1-3])\.blocks\.0\.", r"stages.\1.0.2."),  # behind the layers that downsample
    (r"^stages\.(\d)\.blocks\.", r"stages.\1."),
    *_layers({"conv_dw": "depthwise", "norm": "pointwise.0", "mlp.fc1": "pointwise.1", "mlp.fc2": "pointwise.3"}),
    (r"\.gamma$", ".pointwise.4.gain"),
)


class Names(NamedTuple):
    """How a library names the weights of an architecture.

    Attributes:
        library: that trained them.
        renames: patterns and what takes their place, in this order.
        classifiers: how the names of layers for the library's own classes begin. They are left out.
        image_mean: mean that the library subtracts from pixels in [0, 1]; with timm ImageNet's, over the channels.
        image_std: divisor after subtracting the mean.
    """

    library: str
    renames: Renames
    classifiers: tuple[str, ...] = ()
    image_mean: float = 0.449
    image_std: float = 0.226

    def own(self, name: str) -> str:
        """Our name of a weight."""
        for pattern, place in self.renames:
            name = re.sub(pattern, place, name)
        return name


KNOWN: dict[type[Backbone], tuple[Names, ...]] = {
    IResNet: (Names(INSIGHTFACE, OF_INSIGHTFACE, image_mean=0.5, image_std=0.5),),
    ResNet: (Names(TIMM, RESNET, ("fc.",)),),
    ResNeXt: (Names(TIMM, RESNET, ("fc.",)),),
    SEResNet: tuple(Names(TIMM, RESNET + se, ("fc.",)) for se in (SE_OF_BASIC_BLOCK, SE_OF_BOTTLENECK)),
    RegNet: tuple(Names(TIMM, renames, ("head.fc.",)) for renames in (REGNET_X, REGNET_Y)),
    MobileNetV2: (Names(TIMM, MOBILENET_V2, ("classifier.",)),),
    EfficientNet: (Names(TIMM, EFFICIENTNET, ("classifier.",)),),
    ConvNeXt: (Names(TIMM, CONVNEXT, ("head.fc.",)),),
}
"""The tables of each architecture. Where there are several, they are of its kinds of blocks."""


class Translated(NamedTuple):
    """Weights of another library under our names.

    Attributes:
        weights: by the names of the backbone. Some may have another shape.
        left_out: names in the file that have no place in the backbone.
        names: the table that was used.
    """

    weights: dict[str, Tensor]
    left_out: list[str]
    names: Names


def translate(backbone: Backbone, foreign: Mapping[str, Tensor]) -> Translated:
    """Bring the weights of another library to the names of a backbone.

    Both must be of one architecture: each weight has its counterpart, but for the classifier, our embedding head and
    what the face stem changes. Shapes may differ.

    Args:
        backbone: the network that is to take them.
        foreign: weights by the library's names.

    Raises:
        ValueError: if no table is known for the backbone, or the weights are of another architecture.

    Example:
        >>> import timm
        >>> translated = translate(ResNet(18, stem="paper"), timm.create_model("resnet18").state_dict())
        >>> translated.names.library, len(translated.weights), translated.left_out
        ('timm', 120, ['fc.weight', 'fc.bias'])
    """
    own = backbone.state_dict()
    names = max(_tables(backbone), key=lambda table: sum(table.own(name) in own for name in foreign))
    places = {name: names.own(name) for name in foreign}
    weights = {place: _as_linear(foreign[name], own[place]) for name, place in places.items() if place in own}
    left_out = [name for name, place in places.items() if place not in own]
    _require_same_architecture(backbone, own, names, places, left_out)
    bias = next((name for name in left_out if places[name] == HEAD_BIAS), None)
    if (
        bias is not None
        and HEAD_MEAN in weights
        and foreign[bias].shape == weights[HEAD_MEAN].shape == own[HEAD_MEAN].shape
    ):
        # The normalisation behind our linear layer takes away its mean, so the layer has no bias.
        weights[HEAD_MEAN] = weights[HEAD_MEAN] - foreign[bias]
        left_out.remove(bias)
    return Translated(weights, left_out, names)


def _tables(backbone: Backbone) -> tuple[Names, ...]:
    """The tables for a backbone.

    Raises:
        ValueError: if there is none, naming the architectures that have some.
    """
    if isinstance(backbone, TimmBackbone):
        published = backbone.network.pretrained_cfg
        classifiers = published.get("classifier") or ()
        classifiers = (classifiers,) if isinstance(classifiers, str) else classifiers
        mean, std = (round(sum(published[name]) / len(published[name]), 3) for name in ("mean", "std"))
        return (Names(TIMM, ((r"^", "network."),), tuple(f"{name}." for name in classifiers), mean, std),)
    if type(backbone) not in KNOWN:
        families = [family.__name__ for family, tables in KNOWN.items() if tables[0].library == TIMM]
        raise ValueError(
            f"these are not weights of facerec, and for {type(backbone).__name__} it knows no names of another "
            f"library. It knows insightface's for IResNet, and timm's for TimmBackbone, {', '.join(families)}"
        )
    return KNOWN[type(backbone)]


def _require_same_architecture(
    backbone: Backbone,
    own: Mapping[str, Tensor],
    names: Names,
    places: Mapping[str, str],
    left_out: Sequence[str],
) -> None:
    """Refuse weights of which some have no counterpart.

    Raises:
        ValueError: naming the first of them.
    """
    strange = [
        name for name in left_out if not name.startswith(names.classifiers) and not places[name].startswith(HEAD)
    ]
    needed = {name for name in own if own[name].is_floating_point() and not name.startswith((HEAD, FIRST_SHORTCUT))}
    missing = needed - set(places.values())
    if not strange and not missing:
        return
    reason = f"they hold {strange[0]}" if strange else f"they have nothing for its {min(missing)}"
    others = len(strange or missing) - 1
    raise ValueError(
        f"these are not the weights of {type(backbone).__name__}, with these settings, in {names.library}: {reason}"
        + (f" and {others} others" if others else "")
        + ". Give the architecture, and the depth or variant, of the file as model.backbone"
    )


def _as_linear(weight: Tensor, own: Tensor) -> Tensor:
    """A 1x1 convolution as the linear layer that we have in its place."""
    is_pointwise = weight.ndim == 4 and own.ndim == 2 and weight.shape[2:] == (1, 1)
    return weight.flatten(1) if is_pointwise else weight
