"""A way around a fault of oneDNN in narrow 1x1 convolutions with a stride.

oneDNN writes past a buffer when it computes the gradient of such a convolution's weights. The gradients are wrong, or
the process aborts. It takes fewer input channels than a register has floats: 8 with AVX2
(https://github.com/uxlfoundation/oneDNN/issues/6035); 16 with AVX-512, there with several threads and an odd number of
images. It also takes one group, maps with the channels innermost and a batch above 1. The shortcuts of a narrow ResNet
are such convolutions.
"""

from functools import partial

from torch import Tensor, nn

SAFE_CHANNELS = 16  # floats in an AVX-512 register


def guard_narrow_convolutions(network: nn.Module) -> None:
    """Let each affected convolution of a network skip pixels before it convolves, in place.

    A 1x1 convolution with a stride uses one pixel of each ``stride``. Taking these pixels first and convolving with
    stride 1 gives the same numbers. Names and shapes of weights stay, and so do all other convolutions. A second call
    changes nothing.

    Example:
        >>> conv = nn.Conv2d(4, 8, kernel_size=1, stride=2)
        >>> guard_narrow_convolutions(conv)
        >>> conv.stride
        (1, 1)
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and _is_affected(module):
            height, width = module.stride
            module.register_forward_pre_hook(partial(_skip_pixels, height=height, width=width))
            module.stride = (1, 1)


def _is_affected(conv: nn.Conv2d) -> bool:
    return (
        conv.in_channels < SAFE_CHANNELS
        and conv.groups == 1
        and conv.kernel_size == (1, 1)
        and conv.stride != (1, 1)
        and conv.padding in ((0, 0), "valid")
    )


def _skip_pixels(conv: nn.Module, inputs: tuple[Tensor], *, height: int, width: int) -> Tensor:
    """Hook before a convolution: every ``height``-th row and ``width``-th column of its maps (B, C, H, W)."""
    return inputs[0][..., ::height, ::width]
