"""Mixup and CutMix: an image and the next one of its batch become one image, with a share of both labels.

Shapes: B batch, C classes, H height, W width.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.settings import require_within
from facerec.transforms.degradation import rectangles
from facerec.transforms.randomness import Draws, Numbers, sent

GAMMA_ATTEMPTS = 8  # each is accepted in more than 95 of 100 cases


@dataclass(frozen=True)
class Mix:
    """Mixes images and their labels, for a loss that takes soft labels (Softmax, NormFace).

    With both settings on, each image draws one of the two. The share of an image is a function of (seed, epoch, image
    index), as in all augmentation. Its partner is the next image of the batch, and the first for the last. So the
    partner depends on the order of the epoch, which is a function of (seed, epoch), and on the number of processes.

    Args:
        mixup: alpha of the Beta(alpha, alpha) distribution of an image's share; 0 turns mixup off. For ImageNet, Zhang
            et al. (ICLR 2018) take 0.1 to 0.4.
        cutmix: alpha of the same distribution, of the area outside the partner's rectangle; 0 turns CutMix off. Yun et
            al. (ICCV 2019) take 1.

    Raises:
        ValueError: for a negative alpha, or if both are 0.

    Example:
        A black image and its white partner: the grey that results is the partner's share of the label.

        >>> import torch
        >>> images = torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)])
        >>> labels, indices = torch.tensor([0, 1]), torch.tensor([0, 1])
        >>> mixed, shares = Mix(mixup=0.4)(images, labels, num_classes=2, seed=0, epoch=0, indices_B=indices)
        >>> mixed.shape, shares.sum(1)
        (torch.Size([2, 3, 8, 8]), tensor([1., 1.]))
        >>> bool(torch.isclose(mixed[0, 0, 0, 0], shares[0, 1]))
        True
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        require_within("data.mix.", 0.0, math.inf, mixup=self.mixup, cutmix=self.cutmix)
        if not self.mixup and not self.cutmix:
            raise ValueError("data.mix: mixup and cutmix are both 0. Set one above 0, or remove data.mix.")

    @torch.no_grad()
    def __call__(
        self, images_BCHW: Tensor, labels_B: Tensor, num_classes: int, seed: int, epoch: int, indices_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mix a batch.

        Args:
            images_BCHW: images (B, 3, H, W), uint8 or float in [0, 1].
            labels_B: class of each image (B,), int64.
            num_classes: C.
            seed: seed of the run.
            epoch: current epoch.
            indices_B: index of each image in the training source (B,), int64, on the CPU.

        Returns:
            float32 images in [0, 1], and float32 labels (B, C): the share of the image, and the rest for its partner.
        """
        if not images_BCHW.is_floating_point():
            images_BCHW = images_BCHW / 255.0
        draws = Draws(seed, epoch, indices_B, self.names)
        numbers = sent(self.draw(draws, *images_BCHW.shape[-2:]), images_BCHW.device)
        own_BCHW = self._own(images_BCHW, numbers)
        mixed_BCHW = own_BCHW * images_BCHW + (1.0 - own_BCHW) * images_BCHW.roll(-1, 0)
        own_B = own_BCHW.mean((1, 2, 3))
        one_hot_BC = F.one_hot(labels_B, num_classes).float()
        return mixed_BCHW, own_B[:, None] * one_hot_BC + (1.0 - own_B)[:, None] * one_hot_BC.roll(-1, 0)

    @property
    def names(self) -> tuple[str, ...]:
        """What :meth:`draw` draws."""
        mixup = beta_names("mixup") if self.mixup else ()
        cutmix = (*beta_names("cutmix"), "cutmix_x", "cutmix_y") if self.cutmix else ()
        return mixup + cutmix + (("mix",) if self.mixup and self.cutmix else ())

    def draw(self, draws: Draws, height: int, width: int) -> Numbers:
        """The share of each image in a mixture, and the rectangle of its partner, in images of a size."""
        numbers: Numbers = {}
        if self.mixup:
            numbers["own"] = beta(draws, "mixup", self.mixup)
        if self.cutmix:
            half_B = 0.5 * torch.sqrt(1.0 - beta(draws, "cutmix", self.cutmix))
            numbers |= {
                "x": draws.uniform("cutmix_x", 0.0, width),
                "y": draws.uniform("cutmix_y", 0.0, height),
                "half_w": half_B * width,
                "half_h": half_B * height,
            }
        if self.mixup and self.cutmix:
            numbers["cuts"] = draws.happens("mix", 0.5)
        return numbers

    def _own(self, images_BCHW: Tensor, numbers: Numbers) -> Tensor:
        """Share of each image in each pixel (B, 1, H, W). A rectangle ends at the edges, and the label follows it."""
        if self.mixup:
            own_BCHW = numbers["own"][:, None, None, None].expand_as(images_BCHW[:, :1])
        if self.cutmix:
            sides = (numbers[side] for side in ("x", "y", "half_w", "half_h"))
            own_pixels_BCHW = (~rectangles(images_BCHW, *sides))[:, None].float()
            if not self.mixup:
                return own_pixels_BCHW
            own_BCHW = torch.where(numbers["cuts"][:, None, None, None], own_pixels_BCHW, own_BCHW)
        return own_BCHW.contiguous()


def beta(draws: Draws, name: str, alpha: float) -> Tensor:
    """A Beta(alpha, alpha) number for each image (B,): X / (X + Y) with X and Y of Gamma(alpha)."""
    return torch.sigmoid(log_gamma_variate(draws, f"{name}_x", alpha) - log_gamma_variate(draws, f"{name}_y", alpha))


def beta_names(name: str) -> tuple[str, ...]:
    """What :func:`beta` draws."""
    attempts = (f"{kind}_{attempt}" for kind in ("radius", "angle", "accept") for attempt in range(GAMMA_ATTEMPTS))
    kinds = ("boost", *attempts)
    return tuple(f"{name}_{variate}_{kind}" for variate in "xy" for kind in kinds)


def log_gamma_variate(draws: Draws, name: str, shape: float) -> Tensor:
    """Logarithm of a Gamma(shape, 1) number for each image (B,).

    Marsaglia and Tsang, A simple method for generating gamma variables, ACM TOMS 26, 2000: rejection, here with a fixed
    number of addressed attempts. Gamma(a) is Gamma(a + 1) U^(1 / a); the logarithm keeps that power from underflow.
    """
    d = shape + 1.0 - 1.0 / 3.0
    value_B: Tensor | None = None
    for attempt in reversed(range(GAMMA_ATTEMPTS)):
        radius_B = torch.sqrt(-2.0 * torch.log(_open_uniform(draws, f"{name}_radius_{attempt}")))
        normal_B = radius_B * torch.cos(2.0 * math.pi * draws.uniform(f"{name}_angle_{attempt}"))
        v_B = (1.0 + normal_B / math.sqrt(9.0 * d)) ** 3
        log_v_B = torch.log(v_B.clamp(min=1e-12))
        bound_B = 0.5 * normal_B**2 + d * (1.0 - v_B + log_v_B)
        accepted_B = (v_B > 0.0) & (torch.log(_open_uniform(draws, f"{name}_accept_{attempt}")) < bound_B)
        # The first accepted attempt counts; if there is none, v = 1, the middle of the distribution.
        value_B = torch.where(accepted_B, log_v_B, torch.zeros_like(log_v_B) if value_B is None else value_B)
    assert value_B is not None
    return math.log(d) + value_B + torch.log(_open_uniform(draws, f"{name}_boost")) / shape


def _open_uniform(draws: Draws, name: str) -> Tensor:
    """One number in (0, 1) for each image (B,), without the ends, whose logarithms are of no use."""
    return draws.uniform(name) * (1.0 - 2.0**-23) + 2.0**-24
