"""PReLU whose gradient does not slow a network down on a CPU.

torch's kernels for ``nn.PReLU`` are not vectorised there. They take up to half of a training step of MobileFaceNet. The
same numbers from vectorised kernels cost little more than a ReLU: ``benchmarks/prelu.py``.
"""

from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override


class PReLU(nn.PReLU):
    """max(0, x) + a min(0, x), with a slope a for each channel (He et al., ICCV 2015, equation 1).

    Values, and gradients of maps, equal those of ``nn.PReLU`` bit by bit, as long as they are finite. In bfloat16 the
    gradients of the slopes are more exact. On other devices, and in a compiled or exported network, it is ``nn.PReLU``.

    Args:
        channels: number of slopes, which start at 0.25.

    Example:
        >>> maps = torch.tensor([-4.0, 2.0]).reshape(1, 2, 1, 1)
        >>> PReLU(2)(maps).flatten().tolist()
        [-1.0, 2.0]
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)

    @override
    def forward(self, input: Tensor) -> Tensor:
        """Of maps (B, C, H, W), or other maps whose second dimension is C."""
        if input.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(input)
        if torch.is_autocast_enabled("cpu"):  # which does the same to torch's
            input = input.to(torch.get_autocast_dtype("cpu"))
        slopes: Tensor = self.weight.view(-1, *[1] * (input.ndim - 2))
        rectified: Tensor = _Rectified.apply(input, slopes)
        return rectified


class _Rectified(torch.autograd.Function):
    """The rectified maps, and their gradients by vectorised kernels."""

    generate_vmap_rule = True

    @staticmethod
    @override
    def forward(maps: Tensor, slopes: Tensor) -> Tensor:
        return torch.addcmul(maps.relu(), maps.clamp(max=0), slopes.to(maps.dtype))

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    @override
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (gradient,) = gradients
        maps, slopes = ctx.saved_tensors
        above = torch.ops.aten.threshold_backward(gradient, maps, 0)  # the gradient where a map is above 0, else 0
        below = gradient - above
        of_maps = torch.addcmul(above, below, slopes.to(maps.dtype))
        other_dims = [dim for dim in range(maps.ndim) if dim != 1]
        of_slopes = (below * maps).sum(other_dims, dtype=torch.promote_types(maps.dtype, torch.float32))
        return of_maps, of_slopes.view_as(slopes).to(slopes.dtype)
