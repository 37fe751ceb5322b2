"""The league of a sweep as a table, notes, a figure and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from facerec.metrics import Difference, Interval
from facerec.reports.comparison import short_names
from facerec.reports.curves import new_figure
from facerec.sweeps.definition import Sweep
from facerec.sweeps.league import NEAREST_MEAN, League, accuracy_and_error, number_of
from facerec.sweeps.space import drawn_text, point_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def league_rows(sweep: Sweep, found: League) -> list[list[str]]:
    """Rows of text, the heading first. A column that nothing fills is left out.

    Args:
        sweep: that the trials are of.
        found: the league.
    """
    names = [setting.name for setting in sweep.space]
    interval = "95% over people, seeds" if found.seeds > 1 else "95% over people"
    heading = ["trial", "test EER", interval, "behind the one above", "TAR at FAR 1%", "accuracy", "rank 1"]
    heading += ["dev accuracy", sweep.heading, "s", *short_names(names)]
    rows = [heading, *(_row(found, place, names) for place in range(len(found.trials)))]
    filled = [column for column in range(len(heading)) if any(row[column] for row in rows[1:])]
    return [[row[column] for column in filled] for row in rows]


def _row(found: League, place: int, names: Sequence[str]) -> list[str]:
    tested = found.trials[place]
    means = {what: tested.mean(found.name, what) for what in ("accuracy", "rank 1", "dev accuracy")}
    seconds = tested.mean(found.name, "seconds")
    return [
        str(tested.trial.number),
        f"{found.eer[place].rate:.2%}",
        _range(found.eer[place].interval),
        "" if place == 0 else _points(found.from_above[place - 1]),
        f"{found.tar[place].rate:.1%}" if found.tar else "",
        *("" if mean is None else f"{mean:.1%}" for mean in means.values()),
        f"{tested.trial.mean:.2%}",
        "" if seconds is None else f"{seconds:.0f}",
        *(drawn_text(tested.trial.point.get(name, "-")) for name in names),
    ]


def _range(interval: Interval) -> str:
    return f"{interval.low:.1%} - {interval.high:.1%}"


def _points(found: Difference) -> str:
    """In percentage points, with a star where the interval leaves out 0."""
    low, high = found.interval
    star = " *" if found.is_significant else ""
    return f"{100 * found.difference:+.2f} ({100 * low:+.1f} to {100 * high:+.1f}){star}"


def league_notes(found: League) -> list[str]:
    """What the table means."""
    notes = [f"Intervals over {found.units}, seen by no training, and by no choice of a checkpoint."]
    if len(found.trials) > 1:
        notes.append(
            "`behind the one above` is in percentage points. An interval with 0 tells no difference; * has none."
        )
    if found.seeds == 1:
        notes.append("Each trial has one seed: its luck is in no interval. More seeds tell what repeats.")
    logged = [run.measurement.logged for tested in found.trials for run in tested.runs]
    if any(NEAREST_MEAN in numbers for numbers in logged):
        notes.append("Dev accuracy of losses without class weights is that of the nearest mean of the training images.")
    correlation = accuracy_and_error(found)
    if correlation is not None:
        notes.append(f"Rank correlation of dev accuracy and test EER over the trials: {correlation:+.2f}.")
    return notes


def league_figure(sweep: Sweep, found: League) -> Figure:
    """Test EER of each trial with its interval, and test EER over dev accuracy.

    Args:
        sweep: that the trials are of.
        found: the league.
    """
    over = f"{found.units} and the seeds" if found.seeds > 1 else found.units
    title = f"{sweep.name}: test EER on {found.name}, mean and 95 % over {over}"
    figure = new_figure(12, 1.6 + 0.3 * len(found.trials), title)
    rows, plane = figure.subplots(1, 2, width_ratios=[2, 1])
    for place, (tested, eer) in enumerate(zip(found.trials, found.eer, strict=True)):
        rows.plot([100 * end for end in eer.interval], [place, place], color="C0", linewidth=1.5)
        rows.plot([100 * eer.rate], [place], "o", color="C0", markersize=5)
        accuracy = tested.mean(found.name, "dev accuracy")
        if accuracy is not None:
            here = (100 * accuracy, 100 * eer.rate)
            plane.plot(*here, "o", color="C0")
            plane.annotate(str(place + 1), here, (4, 3), textcoords="offset points", fontsize=8)
    labels = [f"{point_text(tested.trial.point)[:60]}  {place}" for place, tested in enumerate(found.trials, start=1)]
    rows.set_yticks(range(len(found.trials)), labels, fontsize=8)
    rows.invert_yaxis()
    rows.set_xlabel("test EER in %")
    plane.set(xlabel="dev accuracy in %", ylabel="test EER in %", title="verification over classification")
    for axes in (rows, plane):
        axes.grid(alpha=0.3)
    return figure


def league_csv(sweep: Sweep, found: League) -> str:
    """Every training of the league with its numbers, as CSV."""
    names = [setting.name for setting in sweep.space]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["trial", *names, "repeat", "validation_eer", "test_eer", "dev_accuracy", "rank_1", "seconds"])
    for tested in found.trials:
        for name, run in zip(sorted(tested.trial.repeats), tested.runs, strict=True):
            repeat = tested.trial.repeats[name]
            numbers = [number_of(run, found.name, what) for what in ("dev accuracy", "rank 1")]
            values = (repeat.eer, run.measurement.sets[found.name].eer, *numbers, repeat.seconds)
            point = [drawn_text(tested.trial.point.get(setting, "-")) for setting in names]
            rounded = ["" if value is None else round(value, 5) for value in values]
            writer.writerow([tested.trial.number, *point, name, *rounded])
    return file.getvalue()
