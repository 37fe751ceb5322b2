"""Groups of parameters: without decay where decay does harm, and a learning rate of their own for parts of the network.

Weight decay spares biases, gains of normalisations and layer scales (He et al., CVPR 2019, "Bag of tricks", section
3.1). Early parts may learn more slowly than late ones: layer-wise decay as in ELECTRA (Clark et al., ICLR 2020,
appendix B) and BEiT (Bao et al., ICLR 2022, appendix).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from facerec.backbones.base import Backbone
from facerec.backbones.freezing import parts_named
from facerec.settings import require_positive, require_within

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
BACKBONE, LOSS = "backbone", "loss"
NO_DECAY = "_no_decay"


def lr_factors_of(
    backbone: Backbone,
    layer_decay: float = 1.0,
    lr_factors: Mapping[str, float] | None = None,
    loss_lr_factor: float = 1.0,
) -> dict[str, float]:
    """Factor of the learning rate of each part of a network, and of the loss.

    Args:
        backbone: the network. Its parts are those of :meth:`Backbone.parts`.
        layer_decay: factor from one part to the part before it, in (0, 1]. The last part, the head, has 1.
        lr_factors: further factors by the name of a part, of a group of parts (``blocks``), or ``loss``.
        loss_lr_factor: factor of the loss's own parameters; the same as ``lr_factors`` for ``loss``.

    Returns:
        Factors by name. The parts are left out where none has a learning rate of its own.

    Raises:
        ValueError: for a factor outside its range, an unknown name, or two factors for the loss.

    Example:
        >>> from facerec.backbones import LeNet
        >>> lr_factors_of(LeNet(8), layer_decay=0.5, lr_factors={"loss": 10.0})
        {'stem': 0.125, 'stage1': 0.25, 'stage2': 0.5, 'head': 1.0, 'loss': 10.0}
    """
    given = dict(lr_factors or {})
    require_within("model.", 0.0, 1.0, low_excluded=True, layer_decay=layer_decay)
    require_positive("model.", loss_lr_factor=loss_lr_factor)
    require_positive("model.lr_factors.", **given)
    if LOSS in given and loss_lr_factor != 1.0:
        raise ValueError(
            f"model.lr_factors.loss={given[LOSS]} and model.loss_lr_factor={loss_lr_factor} are the same setting: give "
            "one of them"
        )
    loss = {LOSS: given.pop(LOSS, loss_lr_factor)}
    if layer_decay == 1.0 and not given:
        return loss
    parts = list(backbone.parts())
    factors = {part: layer_decay**depth for depth, part in enumerate(reversed(parts))}
    for name, factor in given.items():
        for part in parts_named(backbone, name, f"model.lr_factors.{name}"):
            factors[part] *= factor
    return {**{part: factors[part] for part in parts}, **loss}


def make_optimizer(
    make: Callable[[Any], Optimizer], backbone: Backbone, loss: nn.Module, lr_factors: Mapping[str, float]
) -> Optimizer:
    """An optimizer of all parameters, with the learning rate of each group.

    Args:
        make: function from groups of parameters to an optimizer.
        backbone: the network.
        loss: its parameters have a group of their own.
        lr_factors: of :func:`lr_factors_of`.

    Example:
        >>> from functools import partial
        >>> import torch
        >>> from facerec.backbones import LeNet
        >>> from facerec.losses import ArcFace
        >>> network, loss = LeNet(8), ArcFace().build(embedding_dim=8, num_classes=3)
        >>> optimizer = make_optimizer(partial(torch.optim.SGD, lr=0.1), network, loss, {"loss": 10.0})
        >>> {group["name"]: group["lr"] for group in optimizer.param_groups}
        {'backbone': 0.1, 'backbone_no_decay': 0.1, 'loss': 1.0}
    """
    has_parts = bool(lr_factors.keys() - {LOSS})
    optimizer = make(parameter_groups(backbone, loss, backbone.parts() if has_parts else None))
    for group in optimizer.param_groups:
        group["lr"] *= lr_factors.get(part_of(group), 1.0)
    return optimizer


def parameter_groups(
    backbone: nn.Module, loss: nn.Module, parts: Mapping[str, nn.Module] | None = None
) -> list[dict[str, Any]]:
    """Named groups for an optimizer: weights, parameters without decay, and the loss's own parameters.

    Args:
        backbone: the network.
        loss: parameters of a loss, such as class weights, decay.
        parts: parts of the network that get groups of their own, in the order in which images pass through them. What
            is in none of them goes with the first, such as the class token of a transformer. None: one part.

    Returns:
        Groups without frozen parameters, none empty, the last part first: ``head``, ``head_no_decay``, ``stage4`` and
        so on, ``loss``.

    Example:
        >>> from facerec.backbones import LeNet
        >>> from facerec.losses import Triplet
        >>> network = LeNet(8)
        >>> [group["name"] for group in parameter_groups(network, Triplet())]
        ['backbone', 'backbone_no_decay']
    """
    parts = parts or {BACKBONE: backbone}
    owners = {id(weight): name for name, part in parts.items() for weight in part.parameters()}
    first, last_to_first = next(iter(parts)), list(parts)[::-1]
    grouped: dict[str, list[nn.Parameter]] = {f"{name}{kind}": [] for name in last_to_first for kind in ("", NO_DECAY)}
    for module in backbone.modules():
        for name, parameter in module.named_parameters(recurse=False):
            is_bias_or_gain = name == "bias" or isinstance(module, NORMS) or parameter.ndim <= 1
            grouped[f"{owners.get(id(parameter), first)}{NO_DECAY if is_bias_or_gain else ''}"].append(parameter)
    groups = [_group(name, parameters) for name, parameters in grouped.items()]
    groups.append(_group(LOSS, loss.parameters()))
    return [group for group in groups if group["params"]]


def _group(name: str, parameters: Iterable[nn.Parameter]) -> dict[str, Any]:
    own = {"weight_decay": 0.0} if name.endswith(NO_DECAY) else {}
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    return {"params": trainable, "name": name, **own}


def part_of(group: Mapping[str, Any]) -> str:
    """The part that a group of an optimizer belongs to.

    Example:
        >>> part_of({"name": "stage4_no_decay"})
        'stage4'
    """
    return str(group.get("name", BACKBONE)).removesuffix(NO_DECAY)
