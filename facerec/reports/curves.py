"""Curves of one evaluation: ROC with the scores, DET with its band, CMC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
    left, right = figure.subplots(1, 2)
    _draw_roc(left, _thinned(curve.roc()), rate, curve.impostor)
    _draw_scores(right, scored, threshold)
    return figure


def _draw_roc(axes: Axes, curve: Roc, eer: float, impostors: int) -> None:
    """TAR over FAR, the latter on a logarithmic axis that starts at half an impostor pair."""
    axes.step(curve.far, 1.0 - curve.frr, where="post", linewidth=1.5)
    axes.plot([eer], [1.0 - eer], "o", markersize=5, label=f"EER {eer:.2%}")
    axes.set(xscale="log", xlim=(0.5 / impostors, 1.0), ylim=(0.0, 1.01), xlabel="FAR", ylabel="TAR = 1 - FRR")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)


def _draw_scores(axes: Axes, scored: ScoredSet, threshold: float) -> None:
    """Histogram of genuine and impostor scores with the threshold."""
    scores_P, same_P = scored.scores, scored.same
    low, high = float(scores_P.min()), float(scores_P.max())
    is_cosine = scored.score == "cosine"
    bins = np.linspace(min(-0.2, low), 1.0, 61) if is_cosine else np.linspace(low, max(high, low + 1e-6), 61)
    for kind, mask_P in (("impostor", ~same_P), ("genuine", same_P)):
        axes.hist(
            scores_P[mask_P], bins.tolist(), density=True, alpha=0.6, label=f"{kind} ({np.count_nonzero(mask_P)})"
        )
    axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label=f"threshold {threshold:.3f}")
    axes.set(xlabel=f"{scored.score} score", ylabel="density")
    axes.legend(fontsize=8)


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
    curve = _thinned(scored.curve.roc())
    smallest = 0.5 / max(scored.curve.genuine, scored.curve.impostor)

    def deviate(rates: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        return normal_deviate(np.clip(rates, smallest, 1.0 - smallest))

    figure = new_figure(4.8, 4.4, title)
    axes = figure.subplots()
    axes.plot(deviate(curve.far), deviate(curve.frr), linewidth=1.5, label="DET")
    if band is not None and band.fars:
        low = deviate([1.0 - interval.high for interval in band.tars])
        high = deviate([1.0 - interval.low for interval in band.tars])
        axes.fill_between(deviate(band.fars), low, high, alpha=0.25, label=f"95 % by {band.by}")
    ticks = [tick for tick in DET_TICKS if smallest <= tick]
    labels = [f"{100.0 * tick:g}%" for tick in ticks]
    ends = (float(deviate([smallest])[0]), float(deviate([0.95])[0]))
    axes.plot(ends, ends, color="grey", linewidth=0.8, linestyle=":", label="FAR = FRR")
    axes.set(xlim=ends, ylim=ends, xlabel="FAR", ylabel="FRR")
    axes.set_xticks(deviate(ticks), labels, fontsize=8)
    axes.set_yticks(deviate(ticks), labels, fontsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


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
    figure = new_figure(4.8, 3.6, f"{title}: {found.probes} probes, {found.people} people, leave one out")
    axes = figure.subplots()
    ranks, (low, high) = range(1, len(found.cmc) + 1), zip(*found.cmc_interval_by_person, strict=True)
    axes.fill_between(ranks, low, high, step="mid", alpha=0.2, label="95 % by person")
    axes.step(ranks, found.cmc, where="mid")
    axes.set(xlabel="rank k", ylabel="identified among the first k", ylim=(min(low[0], 0.9) - 0.05, 1.01))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure that needs no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=80, layout="constrained")
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
