"""Likelihood ratios of test pairs: what they claim beside what is found, and how often they mislead (Tippett plot).

Ramos and Gonzalez-Rodriguez, "Reliable support: measuring calibration of likelihood ratios", Forensic Science
International 2013.

Shapes: P pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facerec.metrics import Likelihood, RatioBin, cllr, log_likelihood_ratios, min_cllr, reliability
from facerec.metrics.curve import Floats
from facerec.plots.names import short_names
from facerec.plots.styles import panels
from facerec.plots.tested import shared_sets
from facerec.reports.identification import affordable_resamples
from facerec.reports.kept_scores import MeasuredRun
from facerec.reports.summary import why_not_by_person

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


def calibration_figure(runs: Sequence[MeasuredRun], title: str) -> Figure:
    """Reliability and Tippett plot: a row for each run and set of pairs.

    Args:
        runs: what was measured.
        title: of the figure.

    Raises:
        ValueError: if the runs share no set of pairs, or a model has no likelihood ratios.
        FileNotFoundError: if the scores of a run were not kept, naming the command that writes them.
    """
    names = shared_sets(runs)
    lines = [_likelihood_of(run) for run in runs]
    figure, grid = panels(title, len(runs) * len(names), 2, width=4.6, height=3.9)
    labels = short_names([run.name for run in runs])
    rows = [(run, label, line, name) for run, label, line in zip(runs, labels, lines, strict=True) for name in names]
    for place, (run, label, line, name) in enumerate(rows):
        kept = run.scores(name)
        ratios_P = log_likelihood_ratios(kept.scores, line)
        by_person = why_not_by_person(kept.people, kept.same) is None
        people_P2 = kept.people if by_person else None
        found = reliability(ratios_P, kept.same, people_P2, affordable_resamples(len(ratios_P)))
        left, right = grid[2 * place : 2 * place + 2]
        _draw_reliability(left, found, line)
        cost = f"Cllr {cllr(ratios_P, kept.same):.3f}, min Cllr {min_cllr(kept.scores, kept.same):.3f}"
        bars = "bars: 95 % by person" if by_person else "bars: 95 % by pair"
        left.set_title(f"{label}, {name}\n{cost}; {bars}", fontsize=8)
        _draw_tippett(right, ratios_P, kept.same)
        genuine = int(kept.same.sum())
        counts = f"n = {genuine:,} genuine, {len(kept.same) - genuine:,} impostor pairs"
        right.set_title(f"{label}, {name}\n{counts}", fontsize=8)
    return figure


def _likelihood_of(run: MeasuredRun) -> Likelihood:
    if run.likelihood is None:
        raise ValueError(
            f"{run.name} has no likelihood ratios: its checkpoint is of an older facerec, or its scores are others. "
            "`facerec validate --ckpt_path CKPT --verification.store true` makes them, then run `facerec test` again"
        )
    return run.likelihood


def _draw_reliability(axes: Axes, found: Sequence[RatioBin], line: Likelihood) -> None:
    """Observed over claimed ratio, with the numbers of genuine and impostor pairs below each point."""
    claimed, observed = (np.exp([getattr(one, name) for one in found]) for name in ("claimed", "observed"))
    low, high = (np.exp([one.interval[end] for one in found]) for end in (0, 1))
    bounds = np.exp([line["lowest"], line["highest"]])
    across = 0.5 * min(bounds[0], claimed.min()), 2.0 * max(bounds[1], claimed.max())
    up = 0.02 * min(bounds[0], observed.min()), 6.0 * max(bounds[1], observed.max())
    axes.plot(across, across, color="grey", linewidth=0.8, linestyle=":", label="claimed = found")
    for bound, label in zip(bounds, ("bounds", None), strict=True):
        axes.axvline(bound, color="black", linewidth=0.8, linestyle="--", label=label)
    axes.errorbar(claimed, observed, [observed - low, high - observed], fmt="o", markersize=4, capsize=3, label="found")
    for one, x in zip(found, claimed, strict=True):
        side = {found[0].claimed: "right", found[-1].claimed: "left"}.get(one.claimed, "center")
        counts = f"{one.genuine:,} / {one.impostor:,}"
        axes.annotate(counts, (x, 0.015), xycoords=("data", "axes fraction"), rotation=90, ha=side, fontsize=6)
    axes.set(xscale="log", yscale="log", xlim=across, ylim=up, xlabel="likelihood ratio claimed")
    axes.set_ylabel("ratio found; below: genuine / impostor pairs")
    _as_ratios(axes.xaxis, axes.yaxis)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=7)


def _draw_tippett(axes: Axes, ratios_P: Floats, same_P: NDArray[np.bool_]) -> None:
    """Share of pairs whose ratio is higher, for each kind. The wrong side of 1 misleads."""
    kinds = (("genuine", same_P, "-", "below", ratios_P < 0.0), ("impostor", ~same_P, "--", "above", ratios_P > 0.0))
    for name, kind_P, dashes, side, misleads_P in kinds:
        rising = np.sort(ratios_P[kind_P])
        shares = 1.0 - np.arange(len(rising) + 1) / len(rising)
        label = f"{name}: {misleads_P[kind_P].mean():.2%} {side} 1"
        axes.step(np.exp(np.append(rising, rising[-1])), shares, where="pre", linestyle=dashes, label=label)
    axes.axvline(1.0, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", ylim=(-0.02, 1.02), xlabel="likelihood ratio", ylabel="share of pairs with a higher one")
    _as_ratios(axes.xaxis)
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize=7)


def _as_ratios(*every: Axis) -> None:
    """Ticks such as 1/10, 1, 10."""
    for axis in every:
        axis.set_major_formatter(lambda ratio, _: f"{ratio:,g}" if ratio >= 1.0 else f"1/{1.0 / ratio:,g}")
        axis.set_minor_formatter("")
