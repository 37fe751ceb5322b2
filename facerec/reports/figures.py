"""Every figure of one evaluation: its curves, and the pairs with the largest errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facerec.reports.curves import cmc_figure, det_figure, verification_figure
from facerec.reports.faces import image_grid, side_by_side
from facerec.reports.scored import NamedImages, ScoredSet
from facerec.reports.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORST = 20


def evaluation_figures(
    scored: ScoredSet, summary: Summary, title: str, images: NamedImages | None = None
) -> dict[str, Figure]:
    """Every figure of one evaluation by its kind: ``roc``, ``det``, ``cmc``, ``false_accepts``, ``false_rejects``.

    Args:
        scored: the pairs.
        summary: their numbers.
        title: of the figures.
        images: source of the images, for the pairs with the largest errors.

    Example:
        >>> from facerec.reports import summarise
        >>> pairs = ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> list(evaluation_figures(pairs, summarise(pairs), "LFW"))
        ['roc', 'det']
    """
    figures = {"roc": verification_figure(scored, title), "det": det_figure(scored, title, summary.band)}
    if summary.identification is not None:
        figures["cmc"] = cmc_figure(summary.identification, title)
    for genuine, kind in ((False, "false_accepts"), (True, "false_rejects")):
        places = worst_pairs(scored, summary.threshold, genuine=genuine)
        if images is not None and len(places):
            worst = f"{title}: worst {kind.replace('_', ' ')} at the EER threshold {summary.threshold:.3f}"
            figures[kind] = pairs_figure(scored, images, places, worst)
    return figures


def worst_pairs(scored: ScoredSet, threshold: float, *, genuine: bool, count: int = WORST) -> NDArray[np.int64]:
    """Pairs on the wrong side of the threshold, farthest first: false rejects if ``genuine``, else false accepts.

    Example:
        >>> pairs = ScoredSet.from_arrays([1, 1, 0, 0, 0], scores=[0.9, 0.2, 0.8, 0.1, 0.6])
        >>> worst_pairs(pairs, 0.5, genuine=False)
        array([2, 4])
    """
    wrong = np.flatnonzero((scored.same == genuine) & ((scored.scores < threshold) == genuine))
    order = np.argsort(scored.scores[wrong], kind="stable")
    return wrong[order if genuine else order[::-1]][:count]


def pairs_figure(scored: ScoredSet, images: NamedImages, places: NDArray[np.int64], title: str) -> Figure:
    """Pairs of images side by side, with their scores; five to a row.

    Args:
        scored: the pairs.
        images: source of the images.
        places: of the pairs to draw.
        title: of the figure.

    Raises:
        ValueError: if nothing says which images the pairs are of.

    Example:
        >>> import torch
        >>> class Noise:
        ...     def read(self, index):
        ...         return torch.randint(256, (3, 112, 112), dtype=torch.uint8)
        ...     def name(self, index):
        ...         return f"{index}.png"
        >>> pairs = ScoredSet.from_arrays([1, 0], scores=[0.3, 0.6], pairs=[[0, 1], [0, 2]])
        >>> figure = pairs_figure(pairs, Noise(), worst_pairs(pairs, 0.5, genuine=True), "LFW")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0.300']
    """
    if scored.pairs is None:
        raise ValueError("no figure of the pairs: give ScoredSet pairs, the rows of their images (P, 2)")
    images_of_pairs = [[images.read(scored.place(row)) for row in scored.pairs[place]] for place in places]
    scores = [f"{scored.scores[place]:.3f}" for place in places]
    return image_grid([side_by_side(pair) for pair in images_of_pairs], scores, title, columns=5)
