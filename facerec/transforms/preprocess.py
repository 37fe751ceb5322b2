"""Preprocessing, the same in training and use of a checkpoint: the size of an image and the scale of its pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec.settings import require_positive

CPU_CHUNK = 8  # images whose floats stay in the cache


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
        mean: number subtracted from pixels in [0, 1].
        std: divisor applied after subtracting ``mean``. 0.5 and 0.5 give the usual [-1, 1].

    Raises:
        ValueError: for a size below 1, or a ``std`` that is not positive.

    Example:
        A uint8 pixel p becomes (p / 255 - mean) / std.

        >>> import torch
        >>> images = torch.tensor([0, 51, 255], dtype=torch.uint8).expand(1, 3, 1, 3)
        >>> Preprocess(size=(1, 3), mean=0.5, std=0.5)(images)[0, 0, 0]
        tensor([-1.0000, -0.6000,  1.0000])
    """

    def __init__(self, size: tuple[int, int] = (112, 112), mean: float = 0.5, std: float = 0.5) -> None:
        super().__init__()
        if min(size) < 1:
            raise ValueError(f"image size={size}: height and width must be at least 1 pixel")
        require_positive("image", std=std)
        self.size = (int(size[0]), int(size[1]))
        self.mean = mean
        self.std = std

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Normalised float32 images (B, 3, *size)."""
        images_BCHW = resize(images_BCHW, self.size)
        scale = 1.0 if images_BCHW.is_floating_point() else 255.0
        # (images - mean) / std in one pass: on a CPU the memory costs more than the arithmetic
        shift = torch.full((), -self.mean / self.std, device=images_BCHW.device)
        factor = 1.0 / (self.std * scale)
        if images_BCHW.device.type != "cpu" or torch.compiler.is_compiling():  # the number of chunks would be fixed
            return torch.add(shift, images_BCHW.float(), alpha=factor)
        normalised_BCHW = torch.empty_like(images_BCHW, dtype=torch.float32)
        for images, normalised in zip(
            torch.split(images_BCHW, CPU_CHUNK), torch.split(normalised_BCHW, CPU_CHUNK), strict=True
        ):
            torch.add(shift, images.float(), alpha=factor, out=normalised)
        return normalised_BCHW
