"""The first parts of a network kept as they are: weights and batch statistics, for some epochs or for good."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from facerec.backbones.base import Backbone
from facerec.settings import require_positive


@dataclass(frozen=True)
class Freeze:
    """What of a backbone is not trained, and until when.

    A frozen part is in evaluation mode too: its batch statistics stay, and it drops nothing.

    Args:
        until: last part that is frozen, such as ``stem``, ``stage3`` or ``head``. All parts before it are frozen too.
        thaw_epoch: number of epochs after which everything is trained. None keeps the parts frozen.

    Raises:
        ValueError: if ``thaw_epoch`` is below 1.

    Example:
        >>> Freeze(until="stage3", thaw_epoch=5).holds_in(4), Freeze(until="stage3", thaw_epoch=5).holds_in(5)
        (True, False)
    """

    until: str
    thaw_epoch: int | None = None

    def __post_init__(self) -> None:
        if self.thaw_epoch is not None:
            require_positive("model.freeze.", thaw_epoch=self.thaw_epoch)

    def holds_in(self, epoch: int) -> bool:
        """Whether the parts are frozen in an epoch, from 0."""
        return self.thaw_epoch is None or epoch < self.thaw_epoch


def parts_named(backbone: Backbone, name: str, setting: str) -> list[str]:
    """The parts of a backbone that a name stands for: one, or those of a group (``blocks``: ``blocks.0`` and so on).

    Args:
        backbone: the network.
        name: of a part, or what the names of several begin with.
        setting: what gives the name, for the error.

    Raises:
        ValueError: for a part that the network does not have, naming those that it has.

    Example:
        >>> from facerec.backbones import LeNet
        >>> parts_named(LeNet(8), "head", "model.freeze.until=head")
        ['head']
    """
    parts = list(backbone.parts())
    named = [part for part in parts if part == name or part.startswith(f"{name}.")]
    if not named:
        raise ValueError(f"{setting}: {type(backbone).__name__} has no such part. Its parts are {', '.join(parts)}")
    return named


class FrozenParts:
    """The parts of a backbone up to one of them, which can be frozen and thawed.

    Frozen parameters may be in an optimizer. They get no gradient, so that it does not move them: neither by weight
    decay nor by momentum.

    Args:
        backbone: the network. Nothing is frozen yet.
        until: name of the last part of ``backbone.parts()`` to freeze, or of a group of them: ``blocks`` stands for
            ``blocks.0``, ``blocks.1`` and so on.

    Attributes:
        weights: parameters that can be frozen.
        is_frozen: whether they are frozen now.

    Raises:
        ValueError: for a part that the network does not have, naming those that it has.

    Example:
        >>> from facerec.backbones import ResNet
        >>> network = ResNet(18, embedding_dim=8, width=8)
        >>> parts = FrozenParts(network, "stage3")
        >>> parts.freeze()
        >>> [name for name, part in network.parts().items() if part.training]
        ['stage4', 'head']
    """

    def __init__(self, backbone: Backbone, until: str) -> None:
        self.until = parts_named(backbone, until, f"model.freeze.until={until}")[-1]
        self.backbone = backbone
        kept = {id(weight) for part in self._later() for weight in part.parameters()}
        # What is in no part is frozen too, such as the class token of a transformer.
        self.weights = [weight for weight in backbone.parameters() if weight.requires_grad and id(weight) not in kept]
        self.is_frozen = False

    def freeze(self) -> None:
        """Stop the training of the parts."""
        self._set(frozen=True)

    def thaw(self) -> None:
        """Let the parts train."""
        self._set(frozen=False)

    def stay_in_evaluation(self) -> None:
        """Put frozen parts back into evaluation mode, after the whole network was put into training mode."""
        if self.is_frozen:
            for layer in self._layers():
                layer.eval()

    def _set(self, *, frozen: bool) -> None:
        self.is_frozen = frozen
        for weight in self.weights:
            weight.requires_grad_(not frozen)
            if frozen:
                weight.grad = None  # one that is left would move the weight again
        for layer in self._layers():
            layer.train(not frozen)

    def _later(self) -> list[nn.Module]:
        parts = self.backbone.parts()
        return list(parts.values())[list(parts).index(self.until) + 1 :]

    def _layers(self) -> Iterator[nn.Module]:
        """Looked up when used: synchronised batch normalisation takes the place of layers."""
        return _layers_without(self.backbone, {id(part) for part in self._later()})


def _layers_without(module: nn.Module, later: set[int]) -> Iterator[nn.Module]:
    """The largest modules in a network that hold none of the later parts."""
    if id(module) in later:
        return
    if not any(id(inner) in later for inner in module.modules()):
        yield module
        return
    for child in module.children():
        yield from _layers_without(child, later)
