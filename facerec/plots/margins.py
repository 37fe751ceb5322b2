"""Where the margin losses put the boundary between two classes (Deng et al., ArcFace, CVPR 2019, figure 5).

An image is at the angle theta 1 to the direction of its own class and theta 2 to the other one. Without a margin the
boundary is theta 1 = theta 2. A loss with the target t asks for t(theta 1) > cos(theta 2), so its boundary is
theta 2 = arccos t(theta 1): the own class keeps what lies above.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facerec.losses import AdaFace, ArcFace, CombinedMargin, CosFace, NormFace, SphereFace
from facerec.losses.functional import adapt_margin, multiply_angle
from facerec.plots.styles import DASHES, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

POINTS = 721  # an eighth of a degree apart
MOST = 90.0  # degrees that are drawn


class Margin(NamedTuple):
    """A target as a function of the own cosine, and its formula."""

    formula: str
    target: Callable[[Tensor], Tensor]


def margin_families() -> dict[str, list[Margin]]:
    """The targets of each family at the defaults of its loss; those of AdaFace for three image qualities.

    Example:
        >>> list(margin_families())
        ['NormFace', 'SphereFace', 'CosFace', 'ArcFace', 'CombinedMargin', 'AdaFace']
    """
    sphere, cos, arc, both, ada = SphereFace(), CosFace(), ArcFace(), CombinedMargin(), AdaFace()

    def of_quality(quality: float) -> Margin:
        def target(cos_B: Tensor) -> Tensor:
            return adapt_margin(cos_B, torch.full_like(cos_B, quality), ada.adaptive_margin)

        return Margin(f"image quality {quality:g}", target)

    factor = "" if both.angle_factor == 1.0 else f"{both.angle_factor:g} "
    combined = f"cos({factor}θ + {both.angular_margin:g}) - {both.cosine_margin:g}"
    return {
        "NormFace": [Margin("cos θ", NormFace().target)],
        "SphereFace": [Margin(f"cos {sphere.angle_factor} θ, continued", _multiplied(sphere.angle_factor))],
        "CosFace": [Margin(f"cos θ - {cos.cosine_margin:g}", cos.target)],
        "ArcFace": [Margin(f"cos(θ + {arc.angular_margin:g})", arc.target)],
        "CombinedMargin": [Margin(combined, both.target)],
        "AdaFace": [of_quality(quality) for quality in (-1.0, 0.0, 1.0)],
    }


def _multiplied(angle_factor: int) -> Callable[[Tensor], Tensor]:
    return lambda cos_B: multiply_angle(cos_B, angle_factor)


def boundary(target: Callable[[Tensor], Tensor], degrees: Floats) -> Floats:
    """The smallest angle to the other class at which an image still counts as its own, in degrees; NaN where none does.

    Args:
        target: what replaces the own cosine.
        degrees: angles to the own class.

    Example:
        >>> boundary(ArcFace(angular_margin=math.pi / 6).target, np.array([20.0, 30.0, 170.0])).round(3).tolist()
        [50.0, 60.0, nan]
    """
    own = torch.cos(torch.deg2rad(torch.as_tensor(degrees, dtype=torch.float64)))
    wanted = target(own)
    angles = torch.rad2deg(torch.acos(wanted.clamp(max=1.0)))  # NaN below -1, as wanted: no cosine is so small
    return np.asarray(angles.numpy(), dtype=np.float64)


def margins_figure(title: str) -> Figure:
    """A panel for each family: the boundaries of both classes. A single margin between them is grey.

    Args:
        title: of the figure.

    Example:
        >>> len(margins_figure("margins").axes)
        6
    """
    families = margin_families()
    figure, grid = panels(title, 2, math.ceil(len(families) / 2), width=3.3, height=3.4)
    for axes, (name, margins) in zip(grid, families.items(), strict=True):
        for dashes, margin in zip(DASHES, margins, strict=False):
            _draw(axes, margin, dashes, fills=len(margins) == 1)
        axes.plot([0.0, MOST], [0.0, MOST], color="0.5", linewidth=0.6, linestyle=":")
        axes.text(0.05 * MOST, 0.9 * MOST, "class 1", fontsize=8)
        axes.text(0.72 * MOST, 0.05 * MOST, "class 2", fontsize=8)
        axes.set_title(f"{name}: {margins[0].formula}" if len(margins) == 1 else name, fontsize=9)
        axes.set(xlabel="θ1: angle to class 1 in degrees", ylabel="θ2: angle to class 2 in degrees")
        axes.set(xlim=(0.0, MOST), ylim=(0.0, MOST), aspect="equal")
        if len(margins) > 1:
            axes.legend(fontsize=7, loc="center right")
    return figure


def _draw(axes: Axes, margin: Margin, dashes: str, *, fills: bool) -> None:
    """Add the boundary of class 1, and that of class 2, its mirror image; ``fills`` greys what is between."""
    own = np.linspace(0.0, MOST, POINTS)
    other = boundary(margin.target, own)
    axes.plot(own, other, dashes, color="C0", linewidth=1.4, label=margin.formula)
    axes.plot(other, own, dashes, color="C3", linewidth=1.4)
    if not fills:
        return
    reached = np.nan_to_num(other, nan=180.0)
    axes.fill_between(own, own, reached, where=reached >= own, color="0.85", linewidth=0, zorder=0)
    axes.fill_betweenx(own, own, reached, where=reached >= own, color="0.85", linewidth=0, zorder=0)
