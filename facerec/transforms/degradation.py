"""Loss of information: blur, noise, and a covered part of the face.

Shapes: B batch, H height, W width. Pixels are in [0, 1].
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.settings import require_within
from facerec.transforms.randomness import Draws, Numbers, uniform_pairs


@dataclass(frozen=True)
class Degradation:
    """Degrades each image by its own draw; the settings are those of :class:`facerec.transforms.Augment`."""

    blur: float = 0.0
    noise: float = 0.0
    erasing: float = 0.0

    def __post_init__(self) -> None:
        require_within("augment.", 0.0, 1.0, blur=self.blur, erasing=self.erasing)
        require_within("augment.", 0.0, math.inf, noise=self.noise)

    @property
    def acts(self) -> bool:
        """Whether any setting is on."""
        return any(vars(self).values())

    @property
    def names(self) -> tuple[str, ...]:
        """What :meth:`draw` draws."""
        blur = ("blur", "blur_sigma") if self.blur else ()
        noise = ("noise",) if self.noise else ()
        erasing = ("erasing", "erasing_area", "erasing_ratio", "erasing_x", "erasing_y") if self.erasing else ()
        return blur + noise + erasing

    def draw(self, draws: Draws, height: int, width: int) -> Numbers:
        """What happens to images of a size."""
        numbers: Numbers = {}
        if self.blur:
            blurred_B = draws.happens("blur", self.blur)
            sigma_B = torch.where(blurred_B, draws.uniform("blur_sigma", 0.3, 1.5), 1e-3)
            numbers |= {"blurred": blurred_B, "blur_sigma": sigma_B}
        if self.noise:
            sigma_B = draws.uniform("noise", 0.0, self.noise)
            numbers |= {"noise_sigma": sigma_B, "noise_starts": draws.starts("noise_pixels")}
        if self.erasing:
            area_B = draws.uniform("erasing_area", 0.02, 0.2)
            ratio_B = torch.exp(draws.uniform("erasing_ratio", -1.0, 1.0))
            numbers |= {
                "erased": draws.happens("erasing", self.erasing),
                "erasing_x": draws.uniform("erasing_x", 0.0, width),
                "erasing_y": draws.uniform("erasing_y", 0.0, height),
                "erasing_half_w": 0.5 * torch.sqrt(area_B / ratio_B) * width,
                "erasing_half_h": 0.5 * torch.sqrt(area_B * ratio_B) * height,
            }
        return numbers

    def __call__(self, images_BCHW: Tensor, numbers: Numbers) -> Tensor:
        """Blur, add noise and cover a part of float images (B, C, H, W), which may change in place."""
        if self.blur:
            chosen = drawn(numbers["blurred"])
            images_BCHW[chosen] = gaussian_blur(images_BCHW[chosen], numbers["blur_sigma"][chosen])
        if self.noise:
            noise_B1HW = normal_like(images_BCHW, numbers["noise_starts"])
            images_BCHW = images_BCHW + numbers["noise_sigma"][:, None, None, None] * noise_B1HW
        if self.erasing:
            chosen = drawn(numbers["erased"])
            sides = ("erasing_x", "erasing_y", "erasing_half_w", "erasing_half_h")
            cover_BHW = rectangles(images_BCHW, *(numbers[side][chosen] for side in sides))
            cover_B1HW = (cover_BHW & numbers["erased"][chosen][:, None, None])[:, None]
            images_BCHW[chosen] = torch.where(cover_B1HW, 0.5, images_BCHW[chosen])
        return images_BCHW


def drawn(chosen_B: Tensor) -> Tensor | slice:
    """Images to work on: those drawn. On a GPU all of them, as picking some would wait for the device."""
    if chosen_B.device.type != "cpu" or torch.compiler.is_compiling():  # a graph has a fixed number of images
        return slice(None)
    return chosen_B.nonzero()[:, 0]


def rectangles(images_BCHW: Tensor, x_B: Tensor, y_B: Tensor, half_w_B: Tensor, half_h_B: Tensor) -> Tensor:
    """Mask (B, H, W) of the pixels whose middle is inside a rectangle around (x, y), all in pixels."""
    height, width = images_BCHW.shape[-2:]
    y_H = torch.arange(0.5, height, device=images_BCHW.device)[:, None]
    x_W = torch.arange(0.5, width, device=images_BCHW.device)
    inside_y = (y_H - y_B[:, None, None]).abs() < half_h_B[:, None, None]
    inside_x = (x_W - x_B[:, None, None]).abs() < half_w_B[:, None, None]
    return inside_y & inside_x


def gaussian_blur(images_BCHW: Tensor, sigma_B: Tensor, radius: int = 3) -> Tensor:
    """Blur each image with its own sigma (B,), in pixels: separably, with one grouped convolution per direction."""
    batch, channels, height, width = images_BCHW.shape
    if batch == 0:  # torch pads no empty batch
        return images_BCHW
    offsets = torch.arange(-radius, radius + 1, device=images_BCHW.device, dtype=images_BCHW.dtype)
    kernel_BK = torch.exp(-0.5 * (offsets / sigma_B[:, None].clamp(min=1e-3)) ** 2)
    kernel_BK = (kernel_BK / kernel_BK.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(images_BCHW.reshape(1, batch * channels, height, width), [radius] * 4, mode="replicate")
    flat = F.conv2d(flat, kernel_BK[:, None, None, :], groups=batch * channels)
    flat = F.conv2d(flat, kernel_BK[:, None, :, None], groups=batch * channels)
    return flat.reshape(batch, channels, height, width)


def normal_like(images_BCHW: Tensor, starts_B: Tensor) -> Tensor:
    """Standard normal noise (B, 1, H, W), shared by the channels, from each image's own start (Box-Muller)."""
    height, width = images_BCHW.shape[-2:]
    radius, angle = uniform_pairs(starts_B, -(-height * width // 2))
    radius.neg_().log1p_().mul_(-2.0).sqrt_()
    angle.mul_(2.0 * math.pi)
    noise = torch.cat([torch.cos(angle).mul_(radius), torch.sin(angle).mul_(radius)], 1)
    return noise[:, : height * width].reshape(len(images_BCHW), 1, height, width)
