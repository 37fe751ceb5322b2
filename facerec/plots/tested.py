"""ROC, DET, scores and CMC of one or several networks, from what ``facerec test`` kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from facerec.plots.names import short_names
from facerec.plots.styles import MOST_LINES, line_style, panels
from facerec.reports.curves import (
    draw_cmc,
    draw_det,
    draw_roc,
    draw_scores,
    finish_cmc,
    finish_det,
    finish_roc,
    smallest_rate,
)
from facerec.reports.identification import Identification
from facerec.reports.kept_scores import MeasuredRun
from facerec.reports.scored import ScoredSet
from facerec.settings import require_within

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scored = list[tuple[str, ScoredSet]]
"""The name of each run, and its scored pairs of one set."""


def roc_figure(runs: Sequence[MeasuredRun], title: str) -> Figure:
    """TAR over FAR: a panel for each set of pairs, a line for each run.

    Args:
        runs: what was measured.
        title: of the figure.

    Raises:
        ValueError: if the runs share no set of pairs.
        FileNotFoundError: if the scores of a run were not kept, naming the command that writes them.
    """
    return _figure(runs, title, _draw_rocs)


def det_figure(runs: Sequence[MeasuredRun], title: str) -> Figure:
    """FRR over FAR on normal deviate axes: a panel for each set of pairs, a line for each run.

    Args:
        runs: what was measured.
        title: of the figure.

    Raises:
        ValueError: if the runs share no set of pairs.
        FileNotFoundError: if the scores of a run were not kept, naming the command that writes them.
    """
    return _figure(runs, title, _draw_dets)


def scores_figure(runs: Sequence[MeasuredRun], title: str) -> Figure:
    """Histograms of genuine and impostor scores: a row for each run, a column for each set of pairs.

    Args:
        runs: what was measured.
        title: of the figure.

    Raises:
        ValueError: if the runs share no set of pairs.
        FileNotFoundError: if the scores of a run were not kept, naming the command that writes them.
    """
    names = shared_sets(runs)
    figure, grid = panels(title, len(runs), len(names))
    cells = [(run, label, name) for run, label in _labelled(runs) for name in names]
    for axes, (run, label, name) in zip(grid, cells, strict=True):
        scored = _scored(run, name)
        rate, threshold = scored.curve.equal_error_rate()
        draw_scores(axes, scored)
        axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label=f"EER {rate:.2%} at {threshold:.3f}")
        if run.threshold is not None:
            text = f"the model's threshold {run.threshold:.3f}"
            axes.axvline(run.threshold, color="black", linewidth=1, linestyle=":", label=text)
        axes.set_title(f"{label}, {name}\n{_counts(scored)}", fontsize=8)
        axes.legend(fontsize=7)
    return figure


def cmc_figure(runs: Sequence[MeasuredRun], title: str) -> Figure:
    """Share identified over the rank: a panel for each set of pairs, a line with its 95 % band for each run.

    Args:
        runs: what was measured.
        title: of the figure.

    Raises:
        ValueError: if the runs share no set of pairs, or a test identified nobody, with the reason.
    """
    names = shared_sets(runs)
    figure, grid = panels(title, 1, len(names))
    for axes, name in zip(grid, names, strict=True):
        found = [_identified(run, name) for run in runs]
        for place, ((_, label), one) in enumerate(zip(_labelled(runs), found, strict=True)):
            draw_cmc(axes, one, label=f"{label}: rank 1 {one.cmc[0]:.2%}", **line_style(place))
        counts = {f"n = {one.probes} probes of {one.people} people" for one in found}
        axes.set_title(f"{name}: {'; '.join(sorted(counts))}\nleave one out, bands: 95 % by person", fontsize=8)
        finish_cmc(axes, found)
    return figure


def shared_sets(runs: Sequence[MeasuredRun]) -> list[str]:
    """Names of the sets of pairs that all runs were measured on.

    Raises:
        ValueError: if there is none, naming those of each run.
    """
    require_within("facerec plot: ", 1, MOST_LINES, runs=len(runs))
    sets = [list(run.measurement.sets) for run in runs]
    shared = [name for name in sets[0] if all(name in others for others in sets)]
    if not shared:
        told = "; ".join(f"{run.name} has {', '.join(names) or 'none'}" for run, names in zip(runs, sets, strict=True))
        raise ValueError(f"no set of pairs was measured of all runs: {told}. Draw them one by one")
    return shared


def _figure(runs: Sequence[MeasuredRun], title: str, draw: Callable[[Axes, Scored], None]) -> Figure:
    """A panel for each set of pairs."""
    names = shared_sets(runs)
    figure, grid = panels(title, 1, len(names))
    for axes, name in zip(grid, names, strict=True):
        sets = [(label, _scored(run, name)) for run, label in _labelled(runs)]
        draw(axes, sets)
        counts = dict.fromkeys(_counts(scored) for _, scored in sets)
        axes.set_title(f"{name}: {'; '.join(counts)}", fontsize=8)
    return figure


def _draw_rocs(axes: Axes, sets: Scored) -> None:
    for place, (name, scored) in enumerate(sets):
        rate, _ = scored.curve.equal_error_rate()
        draw_roc(axes, scored, label=f"{name}: EER {rate:.2%}", **line_style(place))
    finish_roc(axes, max(scored.curve.impostor for _, scored in sets))


def _draw_dets(axes: Axes, sets: Scored) -> None:
    smallest = min(smallest_rate(scored) for _, scored in sets)
    for place, (name, scored) in enumerate(sets):
        rate, _ = scored.curve.equal_error_rate()
        draw_det(axes, scored, smallest, label=f"{name}: EER {rate:.2%}", **line_style(place))
    finish_det(axes, smallest)


def _scored(run: MeasuredRun, name: str) -> ScoredSet:
    kept = run.scores(name)
    return ScoredSet(kept.scores, kept.same, run.measurement.score)


def _identified(run: MeasuredRun, name: str) -> Identification:
    summary = run.measurement.sets[name]
    if summary.identification is None:
        raise ValueError(f"{run.name} has no CMC of {name}: {summary.no_identification}")
    return summary.identification


def _labelled(runs: Sequence[MeasuredRun]) -> list[tuple[MeasuredRun, str]]:
    """Each run with its name in the figure."""
    return list(zip(runs, short_names([run.name for run in runs]), strict=True))


def _counts(scored: ScoredSet) -> str:
    return f"n = {scored.curve.genuine:,} genuine, {scored.curve.impostor:,} impostor pairs"
