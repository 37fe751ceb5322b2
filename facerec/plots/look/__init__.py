"""What a network sees: its first filters, its maps, the fields of its units, and what carries the score of a pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from facerec.plots.look.fields_panel import fields_panel
from facerec.plots.look.filters_panel import filters_panel
from facerec.plots.look.maps_panel import maps_panel
from facerec.plots.look.panel import WIDTH, Panel, Subject
from facerec.plots.look.score_panel import score_panel
from facerec.reports.curves import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PANELS", "Panel", "Subject", "look_figure"]

PANELS: dict[str, Callable[[Subject], Panel]] = {
    "filters": filters_panel,
    "maps": maps_panel,
    "field": fields_panel,
    "score": score_panel,
}


def look_figure(subject: Subject, title: str, names: Sequence[str] = tuple(PANELS)) -> Figure:
    """One figure of the panels that are named, from top to bottom.

    Args:
        subject: the network and its images.
        title: of the figure.
        names: of the panels.

    Example:
        >>> import torch
        >>> from facerec.backbones import LeNet
        >>> from facerec.inference import Embedder
        >>> from facerec.losses import Triplet
        >>> from facerec.plots import Network
        >>> from facerec.recognizer import FaceRecognizer
        >>> embedder = Embedder(FaceRecognizer(LeNet(8), Triplet(), torch.optim.SGD, image_size=(64, 64)))
        >>> pair = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8)
        >>> subject = Subject(Network("mine", embedder), pair, ("a.jpg", "b.jpg"), None, pair[:0], square=9)
        >>> figure = look_figure(subject, "What it sees", ["maps"])
        >>> [axes.get_title().split()[0] for axes in figure.subfigs[0].axes if axes.get_title()]
        ['image', 'stem', 'stage1']
    """
    panels = [PANELS[name](subject) for name in names]
    heights = [panel.heading.height + panel.height for panel in panels]
    figure = new_figure(WIDTH, 0.45 + sum(heights), f"{title}\n{subject.network.name}")
    parts = figure.subfigures(len(panels), 1, squeeze=False, height_ratios=heights).ravel()
    for part, panel in zip(parts, panels, strict=True):
        panel.heading.write(part)
        panel.draw(part)
    return figure
