"""Preprocessing, the same in training and use of a checkpoint: the size of an image and the scale of its pixels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec.settings import require_positive, require_within

CPU_CHUNK = 8  # images whose floats stay in the cache
PerChannel = float | tuple[float, float, float]  # one number for all channels, or one each for R, G and B


def resize(images_BCHW: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize uint8 or float images (B, C, H, W) to (height, width), bilinear with antialiasing.

    Images that already have the size are returned unchanged.
    """
    if images_BCHW.shape[-2:] == size:
        return images_BCHW
    resized = F.interpolate(images_BCHW.float(), size, mode="bilinear", antialias=True, align_corners=False)
    return resized if images_BCHW.is_floating_point() else resized.round_().clamp_(0, 255).to(torch.uint8)


class Preprocess(nn.Module):
    """Turns uint8 images (B, 3, H, W), or float images in [0, 1], into the input of a backbone.

    Args:
        size: (height, width) in pixels; images of other sizes are resized.
        mean: number subtracted from pixels in [0, 1]; or three, for R, G and B.
        std: divisor applied after subtracting ``mean``; or three. 0.5 and 0.5 give the usual [-1, 1].

    Raises:
        ValueError: for a size below 1, a ``mean`` outside [0, 1], a ``std`` that is not positive, or a number of
            values that is neither one nor three.

    Example:
        A uint8 pixel p becomes (p / 255 - mean) / std.

        >>> import torch
        >>> images = torch.tensor([0, 51, 255], dtype=torch.uint8).expand(1, 3, 1, 3)
        >>> Preprocess(size=(1, 3), mean=0.5, std=0.5)(images)[0, 0, 0]
        tensor([-1.0000, -0.6000,  1.0000])

        Each channel has its own scale here, that of ImageNet:

        >>> Preprocess(size=(1, 3), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))(images)[0, :, 0, 0]
        tensor([-2.1179, -2.0357, -1.8044])
    """

    def __init__(self, size: tuple[int, int] = (112, 112), mean: PerChannel = 0.5, std: PerChannel = 0.5) -> None:
        super().__init__()
        if min(size) < 1:
            raise ValueError(f"image size={size}: height and width must be at least 1 pixel")
        for value in channels(mean, "image_mean"):
            require_within("model.", 0.0, 1.0, image_mean=value)
        for value in channels(std, "image_std"):
            require_positive("model.", image_std=value)
        self.size = (int(size[0]), int(size[1]))
        self.mean = mean if isinstance(mean, (int, float)) else channels(mean)
        self.std = std if isinstance(std, (int, float)) else channels(std)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Normalised float32 images (B, 3, *size)."""
        images_BCHW = resize(images_BCHW, self.size)
        if images_BCHW.device.type != "cpu" or torch.compiler.is_compiling():  # the number of chunks would be fixed
            return self._normalised(images_BCHW)
        normalised_BCHW = torch.empty_like(images_BCHW, dtype=torch.float32)
        for images, normalised in zip(
            torch.split(images_BCHW, CPU_CHUNK), torch.split(normalised_BCHW, CPU_CHUNK), strict=True
        ):
            self._normalised(images, out=normalised)
        return normalised_BCHW

    def _normalised(self, images_BCHW: Tensor, out: Tensor | None = None) -> Tensor:
        """(images - mean) / std in one pass: on a CPU the memory costs more than the arithmetic."""
        scale, device = 1.0 if images_BCHW.is_floating_point() else 255.0, images_BCHW.device
        if isinstance(self.mean, (int, float)) and isinstance(self.std, (int, float)):
            shift = torch.full((), -self.mean / self.std, device=device)
            return torch.add(shift, images_BCHW.float(), alpha=1.0 / (self.std * scale), out=out)
        mean_3, std_3 = channels(self.mean), channels(self.std)
        shift_311 = _column([-mean / std for mean, std in zip(mean_3, std_3, strict=True)], device)
        factor_311 = _column([1.0 / (std * scale) for std in std_3], device)
        return torch.addcmul(shift_311, images_BCHW.float(), factor_311, out=out)


def channels(value: PerChannel | Sequence[float], name: str = "value") -> tuple[float, float, float]:
    """The numbers for R, G and B.

    Args:
        value: one number for all three, or three.
        name: of the setting of the model, for the message.

    Raises:
        ValueError: for another number of values.

    Example:
        >>> channels(0.5), channels([0.5, 0.4, 0.3])
        ((0.5, 0.5, 0.5), (0.5, 0.4, 0.3))
    """
    values = [value] * 3 if isinstance(value, (int, float)) else list(value)
    if len(values) != 3:
        raise ValueError(f"model.{name}={value}: give one number, or three for R, G and B")
    return float(values[0]), float(values[1]), float(values[2])


def _column(values_3: Sequence[float], device: torch.device) -> Tensor:
    """Numbers for the channels as a tensor (3, 1, 1). Filled on the device: to copy them there would wait for it."""
    return torch.stack([torch.full((1, 1), value, device=device) for value in values_3])
