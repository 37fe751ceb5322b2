"""Figures of one evaluation: ROC, DET with its band, scores, CMC, and the pairs it was most wrong about."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from facerec.callbacks.verification import ScoredSet
from facerec.data.sources import PairSource
from facerec.metrics import Interval, Roc, VerificationCurve
from facerec.metrics.verification import normal_deviate
from facerec.reports.summary import Identification
from facerec.transforms.preprocess import resize

POINTS = 1000  # of a curve: more than the pixels of a figure
WORST = 20
CELL = 96  # pixels of an image of a pair
DET_TICKS = (1e-5, 1e-4, 1e-3, 1e-2, 5e-2, 0.2, 0.5, 0.8, 0.95)


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure that needs no window."""
    figure = Figure(figsize=(width, height), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    return figure


def thinned(curve: Roc) -> Roc:
    """A curve of at most 2,000 points, close together both on a linear and on a logarithmic axis of FAR."""
    if len(curve.far) <= 2 * POINTS:
        return curve
    even = np.linspace(0, len(curve.far) - 1, POINTS).astype(np.int64)
    near_zero = np.geomspace(1, len(curve.far), POINTS).astype(np.int64) - 1
    places = np.unique(np.concatenate([even, near_zero]))
    return Roc(curve.far[places], curve.frr[places], curve.thresholds[places])


def draw_roc(axes: Axes, curve: Roc, eer: float, impostors: int) -> None:
    """TAR over FAR, the latter on a logarithmic axis that starts at half an impostor pair."""
    axes.step(curve.far, 1.0 - curve.frr, where="post", linewidth=1.5)
    axes.plot([eer], [1.0 - eer], "o", markersize=5, label=f"EER {eer:.2%}")
    axes.set(xscale="log", xlim=(0.5 / impostors, 1.0), ylim=(0.0, 1.01), xlabel="FAR", ylabel="TAR = 1 - FRR")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)


def draw_scores(
    axes: Axes, scores_P: NDArray[np.floating], same_P: NDArray[np.bool_], threshold: float, score: str = "cosine"
) -> None:
    """Histogram of genuine and impostor scores with the threshold."""
    low, high = float(scores_P.min()), float(scores_P.max())
    bins = np.linspace(min(-0.2, low), 1.0, 61) if score == "cosine" else np.linspace(low, max(high, low + 1e-6), 61)
    for kind, mask_P in (("impostor", ~same_P), ("genuine", same_P)):
        axes.hist(
            scores_P[mask_P], bins.tolist(), density=True, alpha=0.6, label=f"{kind} ({np.count_nonzero(mask_P)})"
        )
    axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label=f"threshold {threshold:.3f}")
    axes.set(xlabel=f"{score} score", ylabel="density")
    axes.legend(fontsize=8)


def verification_figure(
    scores_P: NDArray[np.floating], same_P: NDArray[np.bool_], title: str, score: str = "cosine"
) -> Figure:
    """ROC (FAR on a logarithmic axis) and histogram of scores, side by side.

    Args:
        scores_P: scores (P,).
        same_P: whether each pair shows one person (P,).
        title: of the figure.
        score: what the scores are, for the axis.
    """
    curve = VerificationCurve(scores_P, same_P)
    rate, threshold = curve.equal_error_rate()
    figure = new_figure(9, 3.6, f"{title}: EER {rate:.2%}, AUC {curve.area_under_roc():.4f}")
    left, right = figure.subplots(1, 2)
    draw_roc(left, thinned(curve.roc()), rate, curve.impostor)
    draw_scores(right, scores_P, same_P, threshold, score)
    return figure


def det_figure(
    scored: ScoredSet, title: str, band_fars: Sequence[float], band_tars: Sequence[Interval], band: str
) -> Figure:
    """FRR over FAR on normal deviate axes (Martin et al., 1997) with a pointwise 95 % band.

    Args:
        scored: the pairs.
        title: of the figure.
        band_fars: where the band was computed.
        band_tars: interval of the true accept rate there.
        band: what was resampled, for the legend.
    """
    curve = thinned(VerificationCurve(scored.scores, scored.same).roc())
    smallest = 0.5 / max(np.count_nonzero(scored.same), np.count_nonzero(~scored.same))

    def deviate(rates: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        return normal_deviate(np.clip(rates, smallest, 1.0 - smallest))

    figure = new_figure(4.8, 4.4, title)
    axes = figure.subplots()
    axes.plot(deviate(curve.far), deviate(curve.frr), linewidth=1.5, label="DET")
    if len(band_fars):
        low = deviate([1.0 - interval.high for interval in band_tars])
        high = deviate([1.0 - interval.low for interval in band_tars])
        axes.fill_between(deviate(band_fars), low, high, alpha=0.25, label=f"95 % by {band}")
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
    """Share of probes whose person is among the first k of the gallery, and a band of 95 %."""
    figure = new_figure(4.8, 3.6, f"{title}: {found.probes} probes, {found.people} people, leave one out")
    axes = figure.subplots()
    ranks, (low, high) = range(1, len(found.cmc) + 1), zip(*found.by_person.cmc, strict=True)
    axes.fill_between(ranks, low, high, step="mid", alpha=0.2, label="95 % by person")
    axes.step(ranks, found.cmc, where="mid")
    axes.set(xlabel="rank k", ylabel="identified among the first k", ylim=(min(low[0], 0.9) - 0.05, 1.01))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def worst_pairs(scored: ScoredSet, threshold: float, *, genuine: bool, count: int = WORST) -> NDArray[np.int64]:
    """Pairs on the wrong side of the threshold, farthest first: false rejects if ``genuine``, else false accepts."""
    wrong = np.flatnonzero((scored.same == genuine) & ((scored.scores < threshold) == genuine))
    order = np.argsort(scored.scores[wrong], kind="stable")
    return wrong[order if genuine else order[::-1]][:count]


def pairs_figure(scored: ScoredSet, source: PairSource, places: NDArray[np.int64], title: str) -> Figure:
    """Pairs of images side by side, with their scores; five to a row."""
    rows = max(1, -(-len(places) // 5))
    figure = new_figure(10, 0.5 + 1.3 * rows, title)
    grid = np.atleast_1d(figure.subplots(rows, 5)).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, place in zip(grid, places, strict=False):
        images = [resize(source.read(int(scored.images[row]))[None], (CELL, CELL))[0] for row in scored.pairs[place]]
        axes.imshow(torch.cat(images, dim=2).permute(1, 2, 0).numpy())
        axes.set_title(f"{scored.scores[place]:.3f}", fontsize=8)
    return figure
