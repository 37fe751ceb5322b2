"""Curves of one evaluation: ROC with the scores, DET with its band, CMC.

``draw_...`` adds the curve of one network to axes, with a style of matplotlib's. ``..._figure`` is a figure of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facerec.metrics import Roc
from facerec.metrics.verification import normal_deviate
from facerec.reports.identification import Identification
from facerec.reports.scored import ScoredSet
from facerec.reports.summary import Band

if TYPE_CHECKING:  # matplotlib is imported with the first figure
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 1000  # of a curve: more than the pixels of a figure
DET_TICKS = (1e-5, 1e-4, 1e-3, 1e-2, 5e-2, 0.2, 0.5, 0.8, 0.95)


def verification_figure(scored: ScoredSet, title: str) -> Figure:
    """ROC (FAR on a logarithmic axis) and histogram of scores, side by side.

    Example:
        >>> pairs = ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> verification_figure(pairs, "LFW").get_suptitle()
        'LFW: EER 50.00%, AUC 0.7500'
    """
    curve = scored.curve
    rate, threshold = curve.equal_error_rate()
    figure = new_figure(9, 3.6, f"{title}: EER {rate:.2%}, AUC {curve.area_under_roc():.4f}")
    figure.set_layout_engine(None)  # every validation draws one: to look for the best margins takes a third of it
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.985, bottom=0.14, top=0.89, wspace=0.18)
    draw_roc(left, scored)
    left.plot([rate], [1.0 - rate], "o", markersize=5, label=f"EER {rate:.2%}")
    finish_roc(left, curve.impostor)
    draw_scores(right, scored)
    right.axvline(threshold, color="black", linewidth=1, linestyle="--", label=f"threshold {threshold:.3f}")
    right.legend(fontsize=8)
    return figure


def draw_roc(axes: Axes, scored: ScoredSet, **style: Any) -> None:
    """Add TAR over FAR."""
    curve = _thinned(scored.curve.roc())
    axes.step(curve.far, 1.0 - curve.frr, where="post", **{"linewidth": 1.5, **style})


def finish_roc(axes: Axes, impostors: int) -> None:
    """Scales, labels and legend of a ROC. FAR is on a logarithmic axis that starts at half an impostor pair."""
    axes.set(xscale="log", xlim=(0.5 / impostors, 1.0), ylim=(0.0, 1.01), xlabel="FAR", ylabel="TAR = 1 - FRR")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)


def draw_scores(axes: Axes, scored: ScoredSet) -> None:
    """Add the histograms of genuine and impostor scores. Hatches tell them apart without colour."""
    scores_P, same_P = scored.scores, scored.same
    low, high = float(scores_P.min()), float(scores_P.max())
    is_cosine = scored.score == "cosine"
    bins = np.linspace(min(-0.2, low), 1.0, 61) if is_cosine else np.linspace(low, max(high, low + 1e-6), 61)
    for kind, mask_P, hatch in (("impostor", ~same_P, ""), ("genuine", same_P, "////")):
        label = f"{kind} ({np.count_nonzero(mask_P)})"
        axes.hist(
            scores_P[mask_P], bins.tolist(), density=True, histtype="stepfilled", alpha=0.6, hatch=hatch, label=label
        )
    axes.set(xlabel=f"{scored.score} score", ylabel="density")


def det_figure(scored: ScoredSet, title: str, band: Band | None = None) -> Figure:
    """FRR over FAR on normal deviate axes (Martin et al., Eurospeech 1997) with a pointwise 95 % band.

    Args:
        scored: the pairs.
        title: of the figure.
        band: around the curve, see :class:`Summary`.

    Example:
        >>> pairs = ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> det_figure(pairs, "LFW").axes[0].get_xlabel()
        'FAR'
    """
    figure = new_figure(4.8, 4.4, title)
    axes = figure.subplots()
    smallest = smallest_rate(scored)
    draw_det(axes, scored, smallest, label="DET")
    if band is not None and band.fars:
        low = _deviate([1.0 - interval.high for interval in band.tars], smallest)
        high = _deviate([1.0 - interval.low for interval in band.tars], smallest)
        axes.fill_between(_deviate(band.fars, smallest), low, high, alpha=0.25, label=f"95 % by {band.by}")
    finish_det(axes, smallest)
    return figure


def smallest_rate(scored: ScoredSet) -> float:
    """Half an error: where the axes of a DET start."""
    return 0.5 / max(scored.curve.genuine, scored.curve.impostor)


def draw_det(axes: Axes, scored: ScoredSet, smallest: float, **style: Any) -> None:
    """Add FRR over FAR on normal deviate axes that start at the smallest rate."""
    curve = _thinned(scored.curve.roc())
    axes.plot(_deviate(curve.far, smallest), _deviate(curve.frr, smallest), **{"linewidth": 1.5, **style})


def finish_det(axes: Axes, smallest: float) -> None:
    """Scales, labels, legend and diagonal of a DET whose axes start at the smallest rate."""
    ticks = [tick for tick in DET_TICKS if smallest <= tick]
    labels = [f"{100.0 * tick:g}%" for tick in ticks]
    low, high = _deviate([smallest, 0.95], smallest).tolist()
    axes.plot((low, high), (low, high), color="grey", linewidth=0.8, linestyle=":", label="FAR = FRR")
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="FAR", ylabel="FRR")
    axes.set_xticks(_deviate(ticks, smallest), labels, fontsize=8)
    axes.set_yticks(_deviate(ticks, smallest), labels, fontsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _deviate(rates: Sequence[float] | NDArray[np.float64], smallest: float) -> NDArray[np.float64]:
    """Normal deviate of rates, which are infinite at 0 and 1 and end half an error before."""
    return normal_deviate(np.clip(rates, smallest, 1.0 - smallest))


def cmc_figure(found: Identification, title: str) -> Figure:
    """Share of probes whose person is among the first k of the gallery, and a band of 95 %.

    Example:
        >>> import torch
        >>> from facerec.reports import identify
        >>> people = np.arange(20) // 4
        >>> numbers, _ = identify(torch.eye(5)[people], people)
        >>> cmc_figure(numbers, "LFW").get_suptitle()
        'LFW: 20 probes, 5 people, leave one out'
    """
    held = f"{found.people} people, leave one out" if found.entries is None else f"{found.entries} entries"
    figure = new_figure(4.8, 3.6, f"{title}: {found.probes} probes, {held}")
    axes = figure.subplots()
    draw_cmc(axes, found, band="95 % by person")
    finish_cmc(axes, [found])
    return figure


def draw_cmc(axes: Axes, found: Identification, band: str = "", **style: Any) -> None:
    """Add the share identified over the rank, with its band of 95 %; ``band`` names that in the legend."""
    ranks, (low, high) = range(1, len(found.cmc) + 1), zip(*found.cmc_interval_by_person, strict=True)
    [line] = axes.step(ranks, found.cmc, where="mid", **style)
    axes.fill_between(ranks, low, high, step="mid", alpha=0.2, color=line.get_color(), linewidth=0, label=band)


def finish_cmc(axes: Axes, found: Sequence[Identification]) -> None:
    """Scales, labels and legend of the CMC of some networks."""
    lowest = min(one.cmc_interval_by_person[0].low for one in found)
    axes.set(xlabel="rank k", ylabel="identified among the first k", ylim=(min(lowest, 0.9) - 0.05, 1.01))
    axes.legend(loc="lower right", fontsize=8)
    axes.grid(alpha=0.3)


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure that needs no window, and that a notebook shows.

    Example:
        >>> figure = new_figure(4, 3, "empty")
        >>> figure._repr_png_()[1:4]  # what a notebook shows of it
        b'PNG'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from facerec.reports.shown import ShownFigure

    figure = ShownFigure(figsize=(width, height), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    return figure


def _thinned(curve: Roc) -> Roc:
    """A curve of at most 2,000 points, close together both on a linear and on a logarithmic axis of FAR."""
    if len(curve.far) <= 2 * POINTS:
        return curve
    even = np.linspace(0, len(curve.far) - 1, POINTS).astype(np.int64)
    near_zero = np.geomspace(1, len(curve.far), POINTS).astype(np.int64) - 1
    places = np.unique(np.concatenate([even, near_zero]))
    return Roc(curve.far[places], curve.frr[places], curve.thresholds[places])
