"""The paired comparison of runs, from the scores that their tests kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from facerec.reports.fold_scores import fold_scores
from facerec.reports.kept_scores import MeasuredRun, measured_runs
from facerec.reports.paired import PairedComparison, compare_folds


class PairedRuns(NamedTuple):
    """The comparison of each set of pairs that both sides were tested on.

    Attributes:
        first: runs of A.
        second: runs of B, in the order of their seeds' partners.
        sets: comparison of each set by its name.
        notes: sentences about what is left out.

    Example:
        See :func:`facerec.reports.compare_paired`.

        >>> from facerec.reports import PairedRuns
        >>> print(PairedRuns(["runs/a/version_0"], ["runs/b/version_0"], {}, []))
        A  runs/a/version_0
        B  runs/b/version_0
    """

    first: list[str]
    second: list[str]
    sets: dict[str, PairedComparison]
    notes: list[str]

    def __str__(self) -> str:
        names = [f"{side}  {', '.join(runs)}" for side, runs in (("A", self.first), ("B", self.second))]
        found = [f"\n{name}: {comparison}" for name, comparison in self.sets.items()]
        return "\n".join([*names, *found, *self.notes])


def compare_paired(first: str | Path, second: str | Path, resamples: int | None = None) -> PairedRuns:
    r"""Compare two runs, or two settings with several seeds and folds of people, on the pairs that both were tested on.

    Args:
        first: A: a run, a folder of runs, or ``metrics.json`` of a test.
        second: B.
        resamples: number of resamples, see :func:`facerec.reports.compare_scores`.

    Raises:
        FileNotFoundError: if a run was not tested, naming the command.
        ValueError: if they were tested on other pairs or other people, naming some.

    Example:
        Two measurements kept in files:

        >>> import tempfile
        >>> from facerec.reports import Measurement, evaluate, write_metrics
        >>> pairs = "image_1,image_2,score,same\na/1,a/2,{},1\nb/1,b/2,0.8,1\na/1,b/1,0.2,0\na/2,b/2,0.1,0\n"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, score in (("a", 0.9), ("b", 0.15)):
        ...         numbers = evaluate([1, 1, 0, 0], scores=[score, 0.8, 0.2, 0.1])
        ...         write_metrics(Path(folder, name, "metrics.json"), Measurement(score="cosine", sets={"x": numbers}))
        ...         _ = Path(folder, name, "x_scores.csv").write_text(pairs.format(score))
        ...     found = compare_paired(Path(folder, "a"), Path(folder, "b"))
        >>> found.sets["x"].eer.difference, found.sets["x"].verdict
        (-0.5, 'not distinguishable on these 4 pairs (...)')
    """
    runs = (measured_runs(first), measured_runs(second))
    couples, notes = _couples(*runs, names=(str(first), str(second)))
    measured = [run.measurement.sets for both in couples for run in both]
    shared = [name for name in measured[0] if all(name in sets for sets in measured)]
    if not shared:
        sets = [", ".join(both[0].measurement.sets) or "none" for both in runs]
        raise ValueError(
            f"no set of pairs in common: {first} was tested on {sets[0]}, {second} on {sets[1]}. The same pairs "
            "need the same name: `facerec evaluate --name NAME` gives it"
        )
    found = {name: _compare(name, couples, resamples) for name in shared}
    return PairedRuns([one.name for one, _ in couples], [other.name for _, other in couples], found, notes)


Couple = tuple[MeasuredRun, MeasuredRun]


def _couples(
    first: Sequence[MeasuredRun], second: Sequence[MeasuredRun], names: tuple[str, str]
) -> tuple[list[Couple], list[str]]:
    """The runs of one seed side by side, and what has no partner; single runs are partners whatever their seeds."""
    if len(first) == len(second) == 1:
        return [(first[0], second[0])], []
    others = {run.repeat: run for run in second}
    couples = [(run, others[run.repeat]) for run in first if run.repeat in others]
    if not couples:
        have = [" / ".join(run.repeat or "no seed" for run in runs) for runs in (first, second)]
        raise ValueError(
            f"no seed in common: {names[0]} has {have[0]}, and {names[1]} has {have[1]}. Name one run of each"
        )
    left = len(first) + len(second) - 2 * len(couples)
    return couples, [
        f"Left out: {left} run{'s' if left > 1 else ''} without a partner of the same seed."
    ] if left else []


def _compare(name: str, couples: Sequence[Couple], resamples: int | None) -> PairedComparison:
    thresholds = [run.threshold for run in couples[0]]
    both = (thresholds[0], thresholds[1]) if thresholds[0] is not None and thresholds[1] is not None else None
    found = compare_folds(
        fold_scores(name, couples), thresholds=both, resamples=resamples, description=f"paired bootstrap of {name}"
    )
    if both is None and len(couples) == 1:
        without = " and ".join(run.name for run in couples[0] if run.threshold is None)
        return replace(found, no_mcnemar=f"no threshold of these scores is stored for {without}")
    return found
