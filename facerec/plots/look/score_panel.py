"""The panel of a pair's score: which regions carry it, by gradients and by covering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facerec.plots.look.grad_cam import ScoreHeat, score_heat
from facerec.plots.look.occlusion import score_drops
from facerec.plots.look.panel import FONT, LINE, Heading, Panel, Subject, no_maps, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

Floats = NDArray[np.float64]

NAME = "Score of a pair"
ROW = 2.35  # inches
HATCH = "//"


@dataclass(frozen=True)
class Score:
    """A pair, its score, and where it comes from.

    Attributes:
        subject: the network and the pair.
        score: cosine of the pair.
        heat: Grad-CAM; None for a network without maps.
        drops: (2, H, W), by how much the score falls where a square covers a pixel.
    """

    subject: Subject
    score: float
    heat: ScoreHeat | None
    drops: Tensor

    @property
    def heading(self) -> Heading:
        """The score, and how to read the panel."""
        subject = self.subject
        kind = {True: ", genuine pair", False: ", impostor pair", None: ""}[subject.is_genuine]
        threshold = subject.network.embedder.threshold
        decided = "" if threshold is None else f", threshold {threshold:.3f}"
        no_cam = f"Grad-CAM is not drawn: {no_maps(subject.network)}"
        cam = no_cam if self.heat is None else f"Grad-CAM: what in the maps of {self.heat.stage} raises the score."
        return Heading(
            f"{NAME}: cosine {self.score:.3f}{decided}{kind}",
            f"{cam} Occlusion: fall of the cosine while a square of {subject.square}x{subject.square} px hides a "
            "place, mean of the squares over each pixel. Hatched: over half of the image's peak. "
            "Dotted: over half of its largest rise.",
        )

    @property
    def height(self) -> float:
        """Height below the heading, in inches."""
        return 2 * (ROW + 1.5 * LINE)

    def draw(self, figure: FigureBase) -> None:
        """Draw a row for each image: itself, its Grad-CAM, its occlusion map."""
        largest = float(self.drops.abs().max())
        grid = figure.subplots(2, 2 if self.heat is None else 3, squeeze=False)
        for place, (plain, *cam, occlusion) in enumerate(grid):
            image_3HW, letter = self.subject.pair[place], "AB"[place]
            show(plain, image_3HW)
            plain.set_title(f"{letter}: {self.subject.names[place]}", fontsize=FONT)
            if self.heat is not None:
                _draw_heat(cam[0], image_3HW, self.heat.heat[place])
                cam[0].set_title(f"Grad-CAM of {letter}", fontsize=FONT)
            _draw_drops(occlusion, image_3HW, self.drops[place], largest)
            occlusion.set_title(f"occlusion of {letter}", fontsize=FONT)


def _show_grey(axes: Axes, image_3HW: Tensor) -> None:
    """The image without colours, and pale: what lies on it has the colours."""
    axes.imshow(image_3HW.float().mean(0).numpy(), cmap="gray", vmin=-80, vmax=255)
    axes.set(xticks=[], yticks=[])


def _draw_heat(axes: Axes, image_3HW: Tensor, heat_hw: Tensor) -> None:
    _show_grey(axes, image_3HW)
    peak = float(heat_hw.max())
    if peak <= 0.0:
        axes.text(0.5, 0.02, "nothing raises the score", ha="center", fontsize=FONT, transform=axes.transAxes)
        return
    shares_11hw = heat_hw[None, None] / peak
    shares_HW = F.interpolate(shares_11hw, image_3HW.shape[-2:], mode="bilinear", align_corners=False)[0, 0].numpy()
    axes.imshow(np.ones_like(shares_HW), cmap="Oranges", vmin=0.0, vmax=1.6, alpha=0.7 * shares_HW)
    _outline(axes, shares_HW, 0.5, "-", HATCH)


def _draw_drops(axes: Axes, image_3HW: Tensor, drops_HW: Tensor, largest: float) -> None:
    _show_grey(axes, image_3HW)
    shown = axes.imshow(drops_HW.numpy(), cmap="PuOr_r", vmin=-largest, vmax=largest, alpha=0.6)
    _outline(axes, drops_HW.numpy(), 0.5 * float(drops_HW.max()), "-", HATCH)
    _outline(axes, -drops_HW.numpy(), -0.5 * float(drops_HW.min()), ":")
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.9)
    bar.set_label("fall of the cosine", fontsize=FONT)
    bar.ax.tick_params(labelsize=6)


def _outline(axes: Axes, values_HW: Floats, level: float, line: str, hatch: str = "") -> None:
    """Draw the border of what lies above a level, black on white; nothing if that is not above 0."""
    if level > 0.0:
        if hatch:
            axes.contourf(values_HW, levels=[level, np.inf], colors="none", hatches=[hatch])
        axes.contour(values_HW, levels=[level], colors="white", linewidths=2.6, linestyles="-")
        axes.contour(values_HW, levels=[level], colors="black", linewidths=1.2, linestyles=line)


def score_panel(subject: Subject) -> Panel:
    """The panel of a network and a pair. Grad-CAM is left out, with the reason, for a network without maps."""
    with torch.no_grad():
        embeddings_2D = subject.embed(subject.pair)
    score = float(F.cosine_similarity(embeddings_2D[0], embeddings_2D[1], dim=0))
    heat = score_heat(subject.backbone, subject.embed, subject.pair)
    drops_2HW = score_drops(subject.embed, subject.pair, subject.square, subject.batch_size)
    return Score(subject, score, heat, drops_2HW)
