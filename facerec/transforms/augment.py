"""What only training does to an image: a new position, another light, something in front of it.

Everything works on the whole batch on its device, with a draw of its own for each image, addressed by
(seed, epoch, image index): see :mod:`facerec.transforms.randomness`.

Shapes: B batch, H height, W width.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec.transforms.randomness import Draws

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class Augment(nn.Module):
    """Random geometry, lighting and occlusion, image by image.

    Args:
        horizontal_flip: probability of a mirror image. Faces are nearly symmetric; upside down they are not seen.
        rotation: largest turn, degrees.
        scale: smallest and largest zoom; 1 keeps the size.
        stretch: largest relative change of the ratio of width to height.
        translate: largest shift, as a share of the side.
        brightness: largest relative change of brightness.
        contrast: largest relative change of contrast, about the mean of the image.
        gamma: largest change of log2 of the exponent that light is raised to.
        saturation: largest relative change of saturation (nothing on a grey image).
        light_gradient: largest relative brightness added on one side of the face and taken from the other.
        grayscale: probability of losing the colour.
        blur: probability of a Gaussian blur (3x3 to 7x7, sigma 0.3 to 1.5 pixels).
        noise: largest standard deviation of Gaussian noise, in [0, 1] pixel units.
        erasing: probability of a grey rectangle over 2 to 20 % of the image (Zhong et al., AAAI 2020).

    Raises:
        ValueError: for a probability outside [0, 1] or a negative strength.
    """

    def __init__(
        self,
        horizontal_flip: float = 0.5,
        rotation: float = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        stretch: float = 0.0,
        translate: float = 0.0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        gamma: float = 0.0,
        saturation: float = 0.0,
        light_gradient: float = 0.0,
        grayscale: float = 0.0,
        blur: float = 0.0,
        noise: float = 0.0,
        erasing: float = 0.0,
    ) -> None:
        super().__init__()
        for name, probability in {
            "horizontal_flip": horizontal_flip,
            "grayscale": grayscale,
            "blur": blur,
            "erasing": erasing,
        }.items():
            if not 0.0 <= probability <= 1.0:
                raise ValueError(f"augment.{name}={probability}: a probability lies in [0, 1]")
        strengths = {
            "rotation": rotation,
            "stretch": stretch,
            "translate": translate,
            "brightness": brightness,
            "contrast": contrast,
            "gamma": gamma,
            "saturation": saturation,
            "light_gradient": light_gradient,
            "noise": noise,
        }
        for name, strength in strengths.items():
            if strength < 0.0:
                raise ValueError(f"augment.{name}={strength}: a strength is not negative")
        if not 0.0 < scale[0] <= scale[1]:
            raise ValueError(f"augment.scale={scale}: give the smallest and the largest zoom, both positive")
        self.horizontal_flip = horizontal_flip
        self.rotation = rotation
        self.scale = (float(scale[0]), float(scale[1]))
        self.stretch = stretch
        self.translate = translate
        self.brightness = brightness
        self.contrast = contrast
        self.gamma = gamma
        self.saturation = saturation
        self.light_gradient = light_gradient
        self.grayscale = grayscale
        self.blur = blur
        self.noise = noise
        self.erasing = erasing

    @torch.no_grad()
    def forward(self, images_BCHW: Tensor, seed: int, epoch: int, indices_B: Tensor) -> Tensor:
        """Augment a batch.

        Args:
            images_BCHW: uint8 images (B, 3, H, W).
            seed: of the run.
            epoch: current epoch.
            indices_B: place of each image in the training source (B,), int64, on the device of the images.

        Returns:
            float32 images (B, 3, H, W) in [0, 1].
        """
        draws = Draws(seed, epoch, indices_B)
        images_BCHW = images_BCHW.float() / 255.0
        images_BCHW = self._move(images_BCHW, draws)
        images_BCHW = self._relight(images_BCHW, draws)
        images_BCHW = self._degrade(images_BCHW, draws)
        return images_BCHW.clamp_(0.0, 1.0)

    def _move(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """Flip, rotate, zoom, stretch and shift, in one interpolation."""
        moves = (self.rotation, self.stretch, self.translate, self.scale[0] - 1.0, self.scale[1] - 1.0)
        mirror_B = 1.0 - 2.0 * draws.happens("horizontal_flip", self.horizontal_flip).float()
        if not any(moves):  # a flip alone needs no interpolation
            return torch.where(mirror_B[:, None, None, None] < 0, images_BCHW.flip(-1), images_BCHW)
        turn = math.radians(self.rotation)
        angle_B = draws.uniform("rotation", -turn, turn)
        log_low, log_high = math.log(self.scale[0]), math.log(self.scale[1])
        zoom_B = torch.exp(draws.uniform("scale", log_low, log_high))
        stretch_B = torch.exp(draws.uniform("stretch", -0.5, 0.5) * math.log1p(self.stretch))
        height, width = images_BCHW.shape[-2:]
        # affine_grid maps output to input coordinates in [-1, 1]: zooming in divides; y is measured in heights.
        cos_B, sin_B = torch.cos(angle_B), torch.sin(angle_B)
        row_x = torch.stack([cos_B, -sin_B * height / width], 1) / (zoom_B * stretch_B)[:, None]
        row_y = torch.stack([sin_B * width / height, cos_B], 1) / (zoom_B / stretch_B)[:, None]
        row_x = row_x * mirror_B[:, None]
        shift_B2 = torch.stack([draws.uniform("shift_x", -1, 1), draws.uniform("shift_y", -1, 1)], 1)
        matrix_B22 = torch.stack([row_x, row_y], 1)
        matrix_B23 = torch.cat([matrix_B22, (2.0 * self.translate * shift_B2)[:, :, None]], 2)
        grid = F.affine_grid(matrix_B23, list(images_BCHW.shape), align_corners=False)
        return F.grid_sample(images_BCHW, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def _relight(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """Change gamma, saturation, contrast, brightness, and the side the light comes from."""

        def factor(name: str, strength: float) -> Tensor:
            return draws.uniform(name, 1.0 - strength, 1.0 + strength)[:, None, None, None]

        if self.gamma:
            exponent = torch.exp2(draws.uniform("gamma", -self.gamma, self.gamma))[:, None, None, None]
            images_BCHW = images_BCHW.clamp(min=1e-4) ** exponent
        if self.saturation or self.grayscale:
            gray_B1HW = (images_BCHW * images_BCHW.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
            keep = factor("saturation", self.saturation)
            keep = torch.where(draws.happens("grayscale", self.grayscale)[:, None, None, None], 0.0, keep)
            images_BCHW = gray_B1HW + keep * (images_BCHW - gray_B1HW)
        if self.contrast:
            mean_B = images_BCHW.mean((1, 2, 3), keepdim=True)
            images_BCHW = mean_B + factor("contrast", self.contrast) * (images_BCHW - mean_B)
        if self.brightness:
            images_BCHW = images_BCHW * factor("brightness", self.brightness)
        if self.light_gradient:
            height, width = images_BCHW.shape[-2:]
            angle_B = draws.uniform("light_angle", 0.0, 2.0 * math.pi)[:, None, None]
            x_W = torch.linspace(-1.0, 1.0, width, device=images_BCHW.device)
            y_H = torch.linspace(-1.0, 1.0, height, device=images_BCHW.device)[:, None]
            slope_B = draws.uniform("light_gradient", 0.0, self.light_gradient)[:, None, None]
            light_BHW = 1.0 + slope_B * (torch.cos(angle_B) * x_W + torch.sin(angle_B) * y_H)
            images_BCHW = images_BCHW * light_BHW[:, None].clamp(min=0.1)
        return images_BCHW

    def _degrade(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """Blur, add noise, and cover a rectangle."""
        if self.blur:
            blurred_B = draws.happens("blur", self.blur)
            sigma_B = torch.where(blurred_B, draws.uniform("blur_sigma", 0.3, 1.5), 1e-3)
            images_BCHW = gaussian_blur(images_BCHW, sigma_B)
        if self.noise:
            sigma_B = draws.uniform("noise", 0.0, self.noise)[:, None, None, None]
            images_BCHW = images_BCHW + sigma_B * normal_like(images_BCHW, draws)
        if self.erasing:
            images_BCHW = torch.where(self._rectangles(images_BCHW, draws)[:, None], 0.5, images_BCHW)
        return images_BCHW

    def _rectangles(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """The pixels to cover (B, H, W), bool: nothing where the draw says so."""
        height, width = images_BCHW.shape[-2:]
        area_B = draws.uniform("erasing_area", 0.02, 0.2)
        ratio_B = torch.exp(draws.uniform("erasing_ratio", -1.0, 1.0))
        half_h = (0.5 * torch.sqrt(area_B * ratio_B) * height)[:, None, None]
        half_w = (0.5 * torch.sqrt(area_B / ratio_B) * width)[:, None, None]
        y_H = torch.arange(height, device=images_BCHW.device)[:, None] + 0.5
        x_W = torch.arange(width, device=images_BCHW.device) + 0.5
        inside_y = (y_H - draws.uniform("erasing_y", 0.0, height)[:, None, None]).abs() < half_h
        inside_x = (x_W - draws.uniform("erasing_x", 0.0, width)[:, None, None]).abs() < half_w
        return inside_y & inside_x & draws.happens("erasing", self.erasing)[:, None, None]


def gaussian_blur(images_BCHW: Tensor, sigma_B: Tensor, radius: int = 3) -> Tensor:
    """Blur each image with its own sigma (in pixels), separably, in one grouped convolution per direction."""
    batch, channels, height, width = images_BCHW.shape
    offsets = torch.arange(-radius, radius + 1, device=images_BCHW.device, dtype=images_BCHW.dtype)
    kernel_BK = torch.exp(-0.5 * (offsets / sigma_B[:, None].clamp(min=1e-3)) ** 2)
    kernel_BK = (kernel_BK / kernel_BK.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(images_BCHW.reshape(1, batch * channels, height, width), [radius] * 4, mode="replicate")
    flat = F.conv2d(flat, kernel_BK[:, None, None, :], groups=batch * channels)
    flat = F.conv2d(flat, kernel_BK[:, None, :, None], groups=batch * channels)
    return flat.reshape(batch, channels, height, width)


def normal_like(images_BCHW: Tensor, draws: Draws) -> Tensor:
    """Standard normal noise shared by the channels (B, 1, H, W), each image from its own address."""
    height, width = images_BCHW.shape[-2:]
    pixels = torch.arange(height * width, device=images_BCHW.device)
    seeds_B = (draws.uniform("noise_seed") * (1 << 24)).long()
    flat = Draws(0, 0, (seeds_B[:, None] * (height * width) + pixels).flatten())
    radius = torch.sqrt(-2.0 * torch.log1p(-flat.uniform("radius")))
    noise = radius * torch.cos(2.0 * math.pi * flat.uniform("angle"))
    return noise.reshape(len(images_BCHW), 1, height, width)
