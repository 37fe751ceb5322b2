"""Which pixels a unit of a map can see, by the arithmetic of the layers before it.

Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019, section 2. Along one axis,
unit i of a map sees the pixels from low + i jump to high + i jump. A layer with kernel k, stride s, padding p and
dilation d makes of it low - p jump, high + ((k - 1) d - p) jump, and jump s (equations 2 to 4, for both ends).
Where branches meet, a unit sees what it saw in any of them.

The operations are followed as they run, so that no network has to describe itself.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from facerec.backbones import Backbone
from facerec.plots.look.stage_maps import watched_stages

aten = torch.ops.aten


class Span(NamedTuple):
    """Pixels along one axis that unit 0 of a map sees, before the borders of the image cut them.

    Attributes:
        low: first pixel; negative in the padding.
        high: last pixel.
        jump: pixels from a unit to the next.
    """

    low: int
    high: int
    jump: int

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.high - self.low + 1

    def through(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Span:
        """The span behind a layer.

        Example:
            >>> Span(0, 0, 1).through(kernel=7, stride=2, padding=3).through(kernel=3, stride=2, padding=1)
            Span(low=-5, high=5, jump=4)
        """
        return Span(
            self.low - padding * self.jump,
            self.high + ((kernel - 1) * dilation - padding) * self.jump,
            self.jump * stride,
        )

    def joined(self, other: Span) -> Span | None:
        """The span of a sum of two maps; None if their units do not stand for the same places."""
        if self.jump != other.jump:
            return None
        return Span(min(self.low, other.low), max(self.high, other.high), self.jump)

    def of_unit(self, unit: int) -> tuple[int, int]:
        """First and last pixel of a unit."""
        return self.low + unit * self.jump, self.high + unit * self.jump


@dataclass(frozen=True)
class Field:
    """What the units of a stage can see.

    Attributes:
        rows: pixels along the height.
        columns: pixels along the width.
        sees_all: whether something depends on the whole image as well, such as the gates of squeeze-excitation.
    """

    rows: Span
    columns: Span
    sees_all: bool = False


@torch.no_grad()
def receptive_fields(backbone: Backbone, image_size: tuple[int, int]) -> dict[str, Field | None]:
    """The receptive field of each stage.

    Args:
        backbone: network in evaluation mode.
        image_size: (height, width) of the images.

    Returns:
        The fields by the name of the stage; None where units see nothing but the whole image, or the arithmetic does
        not follow an operation.

    Example:
        >>> from facerec.backbones import ResNet
        >>> fields = receptive_fields(ResNet(18, embedding_dim=8, width=4, stem="paper").eval(), (224, 224))
        >>> {name: field.rows.size for name, field in fields.items()}
        {'stem': 11, 'stage1': 43, 'stage2': 99, 'stage3': 211, 'stage4': 435}
    """
    image_13HW = next(backbone.parameters()).new_zeros(1, 3, *image_size)
    tracker = _Tracker(image_13HW)
    linear = [part for part in backbone.modules() if isinstance(part, nn.Linear)]
    hooks = [part.register_forward_hook(tracker.stay_in_place) for part in linear]
    try:
        with watched_stages(backbone) as maps, tracker:
            backbone(image_13HW)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: tracker.field_of(passes[0]) for name, passes in maps.items()}


@dataclass(frozen=True)
class _Seen:
    """What a tensor has seen: spans along two of its axes, and whether it has seen the whole image."""

    spans: tuple[Span, Span] | None = None
    axes: tuple[int, int] = (2, 3)
    sees_all: bool = False


ALL = _Seen(sees_all=True)


class _Tracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows what each tensor has seen of an image through every operation."""

    def __init__(self, image_13HW: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._seen: MutableMapping[Tensor, _Seen] = WeakTensorKeyDictionary()
        self._seen[image_13HW] = _Seen((Span(0, 0, 1), Span(0, 0, 1)))

    def field_of(self, maps_BCHW: Tensor) -> Field | None:
        seen = self._seen.get(maps_BCHW, ALL)
        return None if seen.spans is None else Field(seen.spans[0], seen.spans[1], seen.sees_all)

    def stay_in_place(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """A linear layer works along the last axis. PyTorch computes it on flattened maps, which hides the places."""
        seen = self._seen.get(inputs[0])
        if seen is not None and max(seen.axes) < output.dim() - 1:
            self._seen[output] = _same_place([seen], [inputs[0]], output)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        inputs = [some for some in tree_leaves((args, kwargs)) if isinstance(some, Tensor) and some in self._seen]
        if inputs:
            rule = RULES.get(func.overloadpacket)
            seen = [self._seen[some] for some in inputs]
            for output in tree_leaves(result):
                if isinstance(output, Tensor):
                    self._seen[output] = rule(seen[0], args) if rule else _same_place(seen, inputs, output)
        return result


def _same_place(seen: Sequence[_Seen], inputs: Sequence[Tensor], output: Tensor) -> _Seen:
    """An operation without a rule works place by place if it keeps both sides of the map. Else it sees all."""
    joined: _Seen | None = None
    sees_all = any(some.sees_all for some in seen)
    for some, tensor in zip(seen, inputs, strict=True):
        if some.spans is None:
            continue
        axes = _axes_in(output, some.axes, tensor)
        if axes is None:
            sees_all = True
        elif joined is None or joined.spans is None:
            joined = replace(some, axes=axes)
        else:
            rows, columns = (one.joined(other) for one, other in zip(joined.spans, some.spans, strict=True))
            if rows is None or columns is None or axes != joined.axes:
                return ALL
            joined = replace(joined, spans=(rows, columns))
    return ALL if joined is None else replace(joined, sees_all=sees_all)


def _axes_in(output: Tensor, axes: tuple[int, int], tensor: Tensor) -> tuple[int, int] | None:
    """Where the two axes of a map are in the output of an operation; None if it has them no more."""
    sides = [tensor.shape[axis] for axis in axes]
    if output.dim() == tensor.dim() and [output.shape[axis] for axis in axes] == sides:
        return axes
    last = (output.dim() - 2, output.dim() - 1)
    if axes == (tensor.dim() - 2, tensor.dim() - 1) and list(output.shape[-2:]) == sides:
        return last
    return None


def _through(seen: _Seen, *settings: Any) -> _Seen:
    """Behind a layer with kernel, stride, padding and dilation, each one number or two."""
    if seen.spans is None or seen.axes != (2, 3):
        return ALL
    both = [tuple(some) if len(some) == 2 else (some[0], some[0]) for some in settings]
    rows, columns = (span.through(*values) for span, values in zip(seen.spans, zip(*both, strict=True), strict=True))
    return replace(seen, spans=(rows, columns))


def _convolution(seen: _Seen, args: tuple[Any, ...]) -> _Seen:
    _, weight, _, stride, padding, dilation, is_transposed, *_ = args
    return ALL if is_transposed or weight.dim() != 4 else _through(seen, weight.shape[2:], stride, padding, dilation)


def _pooling(seen: _Seen, args: tuple[Any, ...]) -> _Seen:
    kernel, stride, padding = (list(args[place]) if len(args) > place else [] for place in (1, 2, 3))
    dilation = args[4] if len(args) > 4 and isinstance(args[4], (list, tuple)) else [1]  # of max pooling alone
    return _through(seen, kernel, stride or kernel, padding or [0], dilation)


def _padding(seen: _Seen, args: tuple[Any, ...]) -> _Seen:
    """Zeros or copies before and behind; the numbers are those of the last axis first."""
    if seen.spans is None or seen.axes != (args[0].dim() - 2, args[0].dim() - 1):
        return ALL
    before = (args[1][2] if len(args[1]) > 2 else 0, args[1][0])
    rows, columns = (span.through(1, padding=pad) for span, pad in zip(seen.spans, before, strict=True))
    return replace(seen, spans=(rows, columns))


def _slice(seen: _Seen, args: tuple[Any, ...]) -> _Seen:
    tensor, axis = args[0], args[1] % args[0].dim() if len(args) > 1 else 0
    start = args[2] if len(args) > 2 else 0
    step = args[4] if len(args) > 4 else 1
    if seen.spans is None or axis not in seen.axes:
        return seen
    start = start or 0
    first = start % tensor.shape[axis] if start < 0 else start
    spans = [
        Span(span.low + first * span.jump, span.high + first * span.jump, span.jump * step) if at == axis else span
        for span, at in zip(seen.spans, seen.axes, strict=True)
    ]
    return replace(seen, spans=(spans[0], spans[1]))


def _permute(seen: _Seen, args: tuple[Any, ...]) -> _Seen:
    order = [axis % args[0].dim() for axis in args[1]]
    return replace(seen, axes=(order.index(seen.axes[0]), order.index(seen.axes[1]))) if seen.spans else seen


def _transpose(seen: _Seen, args: tuple[Any, ...]) -> _Seen:
    order = list(range(args[0].dim()))
    first, second = args[1] % len(order), args[2] % len(order)
    order[first], order[second] = order[second], order[first]
    return _permute(seen, (args[0], order))


def _group_norm(seen: _Seen, args: tuple[Any, ...]) -> _Seen:
    return replace(seen, sees_all=True)


RULES: dict[Any, Callable[[_Seen, tuple[Any, ...]], _Seen]] = {
    aten.convolution: _convolution,
    aten.max_pool2d_with_indices: _pooling,
    aten.avg_pool2d: _pooling,
    aten.constant_pad_nd: _padding,
    aten.replication_pad2d: _padding,
    aten.reflection_pad2d: _padding,
    aten.slice: _slice,
    aten.permute: _permute,
    aten.transpose: _transpose,
    aten.native_group_norm: _group_norm,
}
