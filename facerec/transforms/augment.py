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
CPU_CHUNK = 32  # images whose intermediate results stay in the cache; as every image has its own draw, nothing changes


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
        size = CPU_CHUNK if images_BCHW.device.type == "cpu" else max(len(images_BCHW), 1)
        augmented_BCHW = torch.empty(images_BCHW.shape, dtype=torch.float32, device=images_BCHW.device)
        for images, indices, augmented in zip(
            *(torch.split(batch, size) for batch in (images_BCHW, indices_B, augmented_BCHW)), strict=True
        ):
            draws = Draws(seed, epoch, indices)
            moved = self._move(images, draws, augmented)
            torch.clamp(self._degrade(self._relight(moved, draws), draws), 0.0, 1.0, out=augmented)
        return augmented_BCHW

    def _move(self, images_BCHW: Tensor, draws: Draws, out_BCHW: Tensor) -> Tensor:
        """Flip, rotate, zoom, stretch and shift, in one interpolation: from uint8 to float in [0, 1].

        What needs no interpolation is left in ``out_BCHW``: on a CPU a new array costs more than the arithmetic.
        """
        moves = (self.rotation, self.stretch, self.translate, self.scale[0] - 1.0, self.scale[1] - 1.0)
        mirrored_B = draws.happens("horizontal_flip", self.horizontal_flip)
        if not any(moves):  # a flip alone needs no interpolation
            return out_BCHW.copy_(mirror(images_BCHW, mirrored_B)).div_(255.0)
        mirror_B = 1.0 - 2.0 * mirrored_B.float()
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
        grid = affine_grid(matrix_B23, height, width)
        pixels_BCHW = out_BCHW.copy_(images_BCHW).div_(255.0)
        return F.grid_sample(pixels_BCHW, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def _relight(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """Change gamma, saturation, contrast, brightness, and the side the light comes from."""
        if self.gamma:
            exponent = torch.exp2(draws.uniform("gamma", -self.gamma, self.gamma))[:, None, None, None]
            images_BCHW = images_BCHW.clamp(min=1e-4) ** exponent
        if self.saturation or self.grayscale or self.contrast or self.brightness:
            images_BCHW = self._recolour(images_BCHW, draws)
        if self.light_gradient:
            height, width = images_BCHW.shape[-2:]
            angle_B = draws.uniform("light_angle", 0.0, 2.0 * math.pi)[:, None, None]
            x_W = torch.linspace(-1.0, 1.0, width, device=images_BCHW.device)
            y_H = torch.linspace(-1.0, 1.0, height, device=images_BCHW.device)[:, None]
            slope_B = draws.uniform("light_gradient", 0.0, self.light_gradient)[:, None, None]
            light_BHW = 1.0 + slope_B * (torch.cos(angle_B) * x_W + torch.sin(angle_B) * y_H)
            images_BCHW = images_BCHW * light_BHW[:, None].clamp(min=0.1)
        return images_BCHW

    def _recolour(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """Saturation, then contrast, then brightness: each is linear in the colours, so they are one 3x3 matrix."""

        def factor(name: str, strength: float) -> Tensor:
            return draws.uniform(name, 1.0 - strength, 1.0 + strength)[:, None, None]

        keep = factor("saturation", self.saturation)
        keep = torch.where(draws.happens("grayscale", self.grayscale)[:, None, None], 0.0, keep)
        gray_33 = images_BCHW.new_tensor(LUMA).expand(3, 3)
        colours_B33 = keep * torch.eye(3, device=images_BCHW.device) + (1.0 - keep) * gray_33
        contrast, brightness = factor("contrast", self.contrast), factor("brightness", self.brightness)
        pixels_BCN = images_BCHW.flatten(2)
        mean_B11 = (colours_B33 @ pixels_BCN.mean(2, keepdim=True)).mean(1, keepdim=True)
        offset_BC1 = (brightness * (1.0 - contrast) * mean_B11).expand(-1, 3, 1)
        recoloured = torch.baddbmm(offset_BC1, brightness * contrast * colours_B33, pixels_BCN)
        return recoloured.view_as(images_BCHW)

    def _degrade(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """Blur, add noise, and cover a rectangle."""
        if self.blur:
            blurred_B = draws.happens("blur", self.blur)
            sigma_B = torch.where(blurred_B, draws.uniform("blur_sigma", 0.3, 1.5), 1e-3)
            chosen = drawn(blurred_B)
            images_BCHW[chosen] = gaussian_blur(images_BCHW[chosen], sigma_B[chosen])
        if self.noise:
            sigma_B = draws.uniform("noise", 0.0, self.noise)[:, None, None, None]
            images_BCHW = images_BCHW + sigma_B * normal_like(images_BCHW, draws)
        if self.erasing:
            self._erase(images_BCHW, draws)
        return images_BCHW

    def _erase(self, images_BCHW: Tensor, draws: Draws) -> None:
        """Cover a rectangle of the images that the draw chooses, in place."""
        height, width = images_BCHW.shape[-2:]
        erased_B = draws.happens("erasing", self.erasing)
        area_B = draws.uniform("erasing_area", 0.02, 0.2)
        ratio_B = torch.exp(draws.uniform("erasing_ratio", -1.0, 1.0))
        half_h = (0.5 * torch.sqrt(area_B * ratio_B) * height)[:, None]
        half_w = (0.5 * torch.sqrt(area_B / ratio_B) * width)[:, None]
        y_H = torch.arange(height, device=images_BCHW.device) + 0.5
        x_W = torch.arange(width, device=images_BCHW.device) + 0.5
        inside_BH = ((y_H - draws.uniform("erasing_y", 0.0, height)[:, None]).abs() < half_h) & erased_B[:, None]
        inside_BW = (x_W - draws.uniform("erasing_x", 0.0, width)[:, None]).abs() < half_w
        chosen = drawn(erased_B)
        cover_B1HW = inside_BH[chosen][:, None, :, None] & inside_BW[chosen][:, None, None, :]
        images_BCHW[chosen] = torch.where(cover_B1HW, 0.5, images_BCHW[chosen])


def drawn(chosen_B: Tensor) -> Tensor | slice:
    """Which images to work on: those drawn; on a GPU all, since to pick some would wait for what it still computes."""
    return chosen_B.nonzero()[:, 0] if chosen_B.device.type == "cpu" else slice(None)


def mirror(images_BCHW: Tensor, mirrored_B: Tensor) -> Tensor:
    """Turn left and right of some uint8 images; by bits, which takes a quarter of the time of ``torch.where``."""
    bits_B = mirrored_B.to(torch.uint8).neg()[:, None, None, None]  # 0 or 255
    return (images_BCHW.flip(-1) ^ images_BCHW).bitwise_and_(bits_B).bitwise_xor_(images_BCHW)


def affine_grid(matrix_B23: Tensor, height: int, width: int) -> Tensor:
    """What ``F.affine_grid`` gives with ``align_corners=False`` (B, H, W, 2), as two planes: a tenth of its time."""
    x_W = (torch.arange(width, device=matrix_B23.device) + 0.5) * (2.0 / width) - 1.0
    y_H = (torch.arange(height, device=matrix_B23.device) + 0.5) * (2.0 / height) - 1.0
    rows_B2H = matrix_B23[:, :, 1:2] * y_H + matrix_B23[:, :, 2:]
    columns_B2W = matrix_B23[:, :, 0:1] * x_W
    return (rows_B2H[:, :, :, None] + columns_B2W[:, :, None, :]).permute(0, 2, 3, 1)


def gaussian_blur(images_BCHW: Tensor, sigma_B: Tensor, radius: int = 3) -> Tensor:
    """Blur each image with its own sigma (in pixels), separably, in one grouped convolution per direction."""
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


def normal_like(images_BCHW: Tensor, draws: Draws) -> Tensor:
    """Standard normal noise shared by the channels (B, 1, H, W), each image from its own address (Box-Muller)."""
    height, width = images_BCHW.shape[-2:]
    radius, angle = draws.uniform_pairs("noise_pixels", -(-height * width // 2))
    radius.neg_().log1p_().mul_(-2.0).sqrt_()
    angle.mul_(2.0 * math.pi)
    noise = torch.cat([torch.cos(angle).mul_(radius), torch.sin(angle).mul_(radius)], 1)
    return noise[:, : height * width].reshape(len(images_BCHW), 1, height, width)
