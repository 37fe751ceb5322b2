"""Error against discard of tested runs: what a quality of images is good for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facerec.metrics.discard import MOST_DISCARDED
from facerec.plots.names import short_names
from facerec.plots.styles import line_style, panels
from facerec.plots.tested import shared_sets
from facerec.reports.kept_scores import MeasuredRun
from facerec.reports.quality import FMR, Discard, discard_of, qualities_kept

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def quality_figure(runs: Sequence[MeasuredRun], title: str, file: str | None = None, fmr: float = FMR) -> Figure:
    """FNMR over the share discarded: a row for each set of pairs, of pairs on the left and of images on the right.

    Args:
        runs: what was measured.
        title: of the figure.
        file: qualities of the images, beside the lengths of their embeddings and what the set comes with.
        fmr: share of impostor pairs that may be accepted. It fixes each run's threshold.

    Raises:
        ValueError: if the runs share no set of pairs, an image has no quality, or the FMR cannot be used.
        FileNotFoundError: if scores or lengths were not kept, naming the command that writes them.
    """
    names = shared_sets(runs)
    figure, grid = panels(title, len(names), 2, width=4.6)
    labels = short_names([run.name for run in runs])
    for place, name in enumerate(names):
        found = [
            (label, discard_of(run, name, one, fmr))
            for run, label in zip(runs, labels, strict=True)
            for one in [None, *([file] if file is not None else []), *qualities_kept(run, name)]
        ]
        left, right = grid[2 * place : 2 * place + 2]
        _draw_pairs(left, found)
        _draw_images(right, found)
        counts = {f"n = {one.genuine:,} genuine pairs" for _, one in found}
        for axes in (left, right):
            axes.set_title(f"{name}: {'; '.join(sorted(counts))}\nthreshold at FMR {fmr:g} of all pairs", fontsize=8)
    return figure


def _draw_pairs(axes: Axes, found: Sequence[tuple[str, Discard]]) -> None:
    """Rates over pairs discarded, with the area, and each run's best."""
    for place, (label, one) in enumerate(found):
        text = f"{label}, {one.quality}: {one.area - one.ideal_area:.4f}"
        _step(axes, one.curve.pairs.tolist(), one, place, text)
    ideals = {(label, one.threshold): one for label, one in found}
    for place, one in enumerate(ideals.values()):
        best = "best possible" if place == 0 else None
        shares, rates = 100.0 * one.ideal.pairs, 100.0 * one.ideal.fnmr
        axes.step(shares, rates, where="post", label=best, color="grey", linewidth=0.8, linestyle=":")
    axes.axvline(100.0 * MOST_DISCARDED, color="grey", linewidth=0.8)
    _finish(axes, "genuine pairs discarded, %")
    axes.legend(title=f"area above the best, up to {MOST_DISCARDED:.0%}", fontsize=7, title_fontsize=7)


def _draw_images(axes: Axes, found: Sequence[tuple[str, Discard]]) -> None:
    for place, (_, one) in enumerate(found):
        _step(axes, one.curve.images.tolist(), one, place, None)
    _finish(axes, "images discarded, %")


def _step(axes: Axes, shares: Sequence[float], one: Discard, place: int, label: str | None) -> None:
    percent = [100.0 * share for share in shares]
    axes.step(percent, 100.0 * one.curve.fnmr, where="post", label=label, **line_style(place))


def _finish(axes: Axes, xlabel: str) -> None:
    axes.set(xlim=(0.0, 100.0), xlabel=xlabel, ylabel="FNMR of what is kept, %")
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.3)
