"""Light and camera: gamma, hue, saturation, contrast, brightness, and the side of the light.

Shapes: B batch, H height, W width. Pixels are in [0, 1].
"""

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from facerec.settings import require_within
from facerec.transforms.randomness import Draws, Numbers

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class Light:
    """Relights each image by its own draw; the settings are those of :class:`facerec.transforms.Augment`."""

    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    light_gradient: float = 0.0
    grayscale: float = 0.0

    def __post_init__(self) -> None:
        strengths = asdict(self)
        require_within("augment.", 0.0, 1.0, grayscale=strengths.pop("grayscale"))
        require_within("augment.", 0.0, 0.5, hue=strengths.pop("hue"))
        require_within("augment.", 0.0, math.inf, **strengths)

    @property
    def acts(self) -> bool:
        """Whether any setting is on."""
        return any(vars(self).values())

    @property
    def recolours(self) -> bool:
        """Whether one matrix changes the colours of each image."""
        return any((self.saturation, self.grayscale, self.contrast, self.brightness))

    @property
    def names(self) -> tuple[str, ...]:
        """What :meth:`draw` draws."""
        gamma = ("gamma",) if self.gamma else ()
        hue = ("hue",) if self.hue else ()
        colours = ("saturation", "grayscale", "contrast", "brightness") if self.recolours else ()
        gradient = ("light_angle", "light_gradient") if self.light_gradient else ()
        return gamma + hue + colours + gradient

    def draw(self, draws: Draws) -> Numbers:
        """The light on each image."""
        numbers: Numbers = {}
        if self.gamma:
            numbers["gamma"] = torch.exp2(draws.uniform("gamma", -self.gamma, self.gamma))
        if self.hue:
            numbers["hue"] = draws.uniform("hue", -self.hue, self.hue)
        if self.recolours:
            numbers |= self._colours(draws)
        if self.light_gradient:
            angle_B = draws.uniform("light_angle", 0.0, 2.0 * math.pi)
            slope_B = draws.uniform("light_gradient", 0.0, self.light_gradient)
            numbers |= {"light_x": torch.cos(angle_B), "light_y": torch.sin(angle_B), "light_slope": slope_B}
        return numbers

    def _colours(self, draws: Draws) -> Numbers:
        """Saturation, then contrast, then brightness. All are linear in the colours, so one 3x3 matrix does."""

        def factor(name: str, strength: float) -> Tensor:
            return draws.uniform(name, max(0.0, 1.0 - strength), 1.0 + strength)[:, None, None]

        keep = factor("saturation", self.saturation)
        keep = torch.where(draws.happens("grayscale", self.grayscale)[:, None, None], 0.0, keep)
        colours_B33 = keep * torch.eye(3) + (1.0 - keep) * torch.tensor(LUMA).expand(3, 3)
        contrast, brightness = factor("contrast", self.contrast), factor("brightness", self.brightness)
        return {
            "saturated": colours_B33,
            "recoloured": brightness * contrast * colours_B33,
            "mean_added": brightness * (1.0 - contrast),
        }

    def __call__(self, images_BCHW: Tensor, numbers: Numbers) -> Tensor:
        """Relight float images (B, 3, H, W); the result may leave [0, 1]."""
        if self.gamma:
            images_BCHW = images_BCHW.clamp(min=1e-4) ** numbers["gamma"][:, None, None, None]
        if self.hue:
            images_BCHW = turn_hue(images_BCHW, numbers["hue"])
        if self.recolours:
            pixels_BCN = images_BCHW.flatten(2)
            mean_B11 = (numbers["saturated"] @ pixels_BCN.mean(2, keepdim=True)).mean(1, keepdim=True)
            offset_BC1 = (numbers["mean_added"] * mean_B11).expand(-1, 3, 1)
            images_BCHW = torch.baddbmm(offset_BC1, numbers["recoloured"], pixels_BCN).view_as(images_BCHW)
        if self.light_gradient:
            images_BCHW = images_BCHW * light_on(images_BCHW, numbers)
        return images_BCHW


def light_on(images_BCHW: Tensor, numbers: Numbers) -> Tensor:
    """Light on each pixel (B, 1, H, W), more on one side than on the other."""
    height, width = images_BCHW.shape[-2:]
    x_W = torch.linspace(-1.0, 1.0, width, device=images_BCHW.device)
    y_H = torch.linspace(-1.0, 1.0, height, device=images_BCHW.device)[:, None]
    x_B11, y_B11, slope_B11 = (numbers[f"light_{part}"][:, None, None] for part in ("x", "y", "slope"))
    light_BHW = 1.0 + slope_B11 * (x_B11 * x_W + y_B11 * y_H)
    return light_BHW[:, None].clamp(min=0.1)


def turn_hue(images_BCHW: Tensor, turns_B: Tensor) -> Tensor:
    """Turn the hue of each image by its own share (B,) of the circle of colours. HSV saturation and value stay.

    A grey pixel has no hue and does not change.
    """
    value_BHW, brightest_BHW = images_BCHW.max(1)
    chroma_BHW = value_BHW - images_BCHW.amin(1)
    red, green, blue = images_BCHW.unbind(1)
    divisor = chroma_BHW.clamp(min=1e-8)
    sixths = torch.stack([(green - blue) / divisor, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor], 1)
    hue_BHW = sixths.gather(1, brightest_BHW[:, None])[:, 0] + 6.0 * turns_B[:, None, None]
    # R, G and B are one trapezoid of the hue, starting at 5, 3 and 1 sixths of the circle.
    starts_311 = torch.arange(5.0, 0.0, -2.0, device=images_BCHW.device)[:, None, None]
    place_BCHW = torch.remainder(hue_BHW[:, None] + starts_311, 6.0)
    return value_BHW[:, None] - chroma_BHW[:, None] * torch.minimum(place_BCHW, 4.0 - place_BCHW).clamp(0.0, 1.0)
