"""3x3 convolutions in use on a CPU, with a quarter of the multiplications.

Fast Algorithms for Convolutional Neural Networks (Lavin and Gray, CVPR 2016), https://arxiv.org/abs/1509.09308,
section 4: tiles d of 6x6 and a filter g become Y = A^T [(G g G^T) . (B^T d B)] A, tiles of 4x4 in 36 products instead
of 144, here as 36 matrix products over all tiles and channels. In float32 it is about ten times as far from float64 as
the direct sum is, 2e-6 of the values; for half precision it would be too far.

Shapes: B images, C channels in, O channels out, N tiles of 6x6 that overlap by two.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

TILE, TAPS = 4, 6  # pixels of a tile of the output, and of the input, on a side
LEAST_CHANNELS = 64  # with fewer, moving tiles costs more than the multiplications it saves
LEAST_IMAGES = 8  # for fewer, transforming the filters does not pay
LARGEST_PADDING = 2.0  # times the map: a map of 5x5 takes tiles for 8x8
CHUNK = 1 << 21  # entries of transformed tiles at a time: 8 MB, near the processor

INPUT_66 = (  # B^T
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
FILTER_63 = (  # G
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
OUTPUT_46 = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))  # A^T


def _both_sides(matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Matrix for a flattened tile that multiplies both its columns and its rows by ``matrix``, in float64."""
    one_side = torch.tensor(matrix, dtype=torch.float64)
    return torch.kron(one_side, one_side)


TO_INPUT_3636 = _both_sides(INPUT_66).float()  # whole numbers below 100
TO_OUTPUT_1636 = _both_sides(OUTPUT_46).float()


def use_winograd(network: M) -> M:
    """Replace each 3x3 convolution that it can by a ``WinogradConv2d``, in place, and return the network."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Conv2d and _is_plain_3x3(child):
                setattr(parent, name, WinogradConv2d(child))
    return network


def _is_plain_3x3(conv: nn.Conv2d) -> bool:
    return (
        (conv.kernel_size, conv.stride, conv.padding, conv.dilation) == ((3, 3), (1, 1), (1, 1), (1, 1))
        and conv.groups == 1
        and conv.padding_mode == "zeros"
        and min(conv.in_channels, conv.out_channels) >= LEAST_CHANNELS
    )


class WinogradConv2d(nn.Module):
    """A 3x3 convolution of stride 1 and padding 1 for use, without gradient.

    It takes the fast way for float32 on the CPU and at least 8 images. For all else it takes PyTorch's: export,
    autocast, other devices, training. The first fast pass transforms the filters. They are four times as large and stay
    until other weights are loaded or the network is converted. Do not write into the weights in other ways.

    Args:
        conv: the convolution; its weights stay its own.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self._filters_36CO: Tensor | None = None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Convolve (B, C, H, W) to (B, O, H, W)."""
        if not self._pays(x_BCHW):
            convolved: Tensor = self.conv(x_BCHW)
            return convolved
        if self._filters_36CO is None:
            self._filters_36CO = transform_filters(self.conv.weight)
        return convolve(x_BCHW, self._filters_36CO, self.conv.bias)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "WinogradConv2d":
        self._filters_36CO = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def _load_from_state_dict(self, *args: Any, **settings: Any) -> None:
        self._filters_36CO = None
        super()._load_from_state_dict(*args, **settings)

    def _pays(self, x_BCHW: Tensor) -> bool:
        height, width = x_BCHW.shape[-2:]
        return (
            not torch.compiler.is_compiling()
            and x_BCHW.device.type == "cpu"
            and x_BCHW.dtype == self.conv.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and not (torch.is_grad_enabled() and (x_BCHW.requires_grad or self.conv.weight.requires_grad))
            and len(x_BCHW) >= LEAST_IMAGES
            and _tiles(height) * _tiles(width) * TILE**2 <= LARGEST_PADDING * height * width
        )


def _tiles(length: int) -> int:
    """Tiles along a side of so many pixels."""
    return -(-length // TILE)


def transform_filters(weight_OC33: Tensor) -> Tensor:
    """G g G^T of every filter (36, C, O), computed in float64 and rounded once."""
    filters_9CO = weight_OC33.detach().double().permute(2, 3, 1, 0).reshape(9, -1)
    filters_36 = _both_sides(FILTER_63) @ filters_9CO
    return filters_36.view(TAPS**2, weight_OC33.shape[1], weight_OC33.shape[0]).to(weight_OC33.dtype)


def convolve(x_BCHW: Tensor, filters_36CO: Tensor, bias_O: Tensor | None) -> Tensor:
    """Convolve with stride 1 and padding 1.

    Args:
        x_BCHW: float32 maps (B, C, H, W); innermost channels are fastest.
        filters_36CO: of :func:`transform_filters`.
        bias_O: added to every pixel.

    Returns:
        Maps (B, O, H, W), channels innermost.
    """
    channels_out = filters_36CO.shape[2]
    batch, channels, height, width = x_BCHW.shape
    rows, columns = _tiles(height), _tiles(width)
    most = max(1, CHUNK // (TAPS**2 * rows * columns * max(channels, channels_out)))
    step = -(-batch // -(-batch // most))  # as even as can be
    x_BHWC = x_BCHW.permute(0, 2, 3, 1)
    padded = x_BCHW.new_zeros(step, TILE * rows + 2, TILE * columns + 2, channels)
    result = x_BCHW.new_empty(batch, rows, TILE, columns, TILE, channels_out)
    bias_O = x_BCHW.new_zeros(channels_out) if bias_O is None else bias_O
    for start in range(0, batch, step):
        images = min(step, batch - start)
        padded[:images, 1 : height + 1, 1 : width + 1] = x_BHWC[start : start + images]
        along_image, along_row, along_pixel, _ = padded.stride()
        tiles = padded.as_strided(
            (images, rows, columns, TAPS, TAPS, channels),
            (along_image, TILE * along_row, TILE * along_pixel, along_row, along_pixel, 1),
        )
        tiles_N36C = _transform(TO_INPUT_3636, tiles.reshape(-1, TAPS**2, channels))
        product_36NO = torch.bmm(tiles_N36C.transpose(0, 1), filters_36CO)
        outputs_N16O = _transform(TO_OUTPUT_1636, product_36NO.transpose(0, 1))
        outputs = outputs_N16O.view(images, rows, columns, TILE, TILE, channels_out).transpose(2, 3)
        torch.add(outputs, bias_O, out=result[start : start + images])
    result_BHWO = result.view(batch, TILE * rows, TILE * columns, channels_out)[:, :height, :width]
    return result_BHWO.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _transform(matrix: Tensor, tiles_N36C: Tensor) -> Tensor:
    """The matrix times each tile, whose pixels are the rows."""
    return torch.bmm(matrix.expand(len(tiles_N36C), -1, -1), tiles_N36C)
