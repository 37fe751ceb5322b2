"""What is known of the trials of a sweep: their repeats, their mean, and how sure it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any, Literal, NamedTuple

from facerec.metrics import Interval, mean_interval
from facerec.sweeps.space import Point

State = Literal["finished", "stopped early", "running", "waiting", "failed"]


class Finished(NamedTuple):
    """A repeat that is trained.

    Attributes:
        eer: validation EER, or what else the sweep measures, as a fraction.
        run: folder of its run.
        seconds: that it took; None where it was resumed.
    """

    eer: float
    run: str
    seconds: float | None = None


class Importance(NamedTuple):
    """How much each setting decides.

    Attributes:
        meaning: of the shares.
        shares: of each setting by its full name.
    """

    meaning: str
    shares: dict[str, float]


@dataclass(frozen=True)
class Trial:
    """A trial.

    Attributes:
        number: from 0.
        state: of it.
        point: what it has for each setting.
        repeats: what is trained, by the name of the repeat.
        error: why it failed.
        retries: number of the failed trial that it repeats.

    Example:
        >>> repeats = {"seed_0": Finished(0.06, "runs/a"), "seed_1": Finished(0.10, "runs/b")}
        >>> trial = Trial(0, "finished", {"scale": "16"}, repeats)
        >>> round(trial.mean, 3), round(trial.deviation, 3), [round(end, 2) for end in trial.interval]
        (0.08, 0.028, [-0.17, 0.33])
    """

    number: int
    state: State
    point: Point
    repeats: Mapping[str, Finished] = field(default_factory=dict)
    error: str | None = None
    retries: int | None = None

    @property
    def rates(self) -> list[float]:
        """What was measured of each repeat."""
        return [repeat.eer for repeat in self.repeats.values()]

    @property
    def mean(self) -> float:
        """Mean over the repeats; infinite without any."""
        return fmean(self.rates) if self.repeats else float("inf")

    @property
    def deviation(self) -> float | None:
        """Standard deviation between the repeats; None for fewer than two."""
        return stdev(self.rates) if len(self.repeats) > 1 else None

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the mean over the repeats; None for fewer than two."""
        return mean_interval(self.rates)

    def behind(self, best: "Trial") -> list[float]:
        """By how much each repeat that both have is worse than that of the best trial."""
        return [repeat.eer - best.repeats[name].eer for name, repeat in self.repeats.items() if name in best.repeats]


def in_order(trials: Sequence[Trial]) -> list[Trial]:
    """Finished trials, the lowest mean first, then all others; without failed ones that were tried again."""
    again = {trial.retries for trial in trials}
    order: dict[Any, int] = {"finished": 0, "stopped early": 1, "running": 2, "waiting": 3, "failed": 4}
    shown = [trial for trial in trials if trial.number not in again]
    return sorted(shown, key=lambda trial: (order[trial.state], trial.mean, trial.number))


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The finished trial with the lowest mean; None if none is finished."""
    finished = [trial for trial in trials if trial.state == "finished"]
    return min(finished, key=lambda trial: (trial.mean, trial.number), default=None)


def main_effects(names: Sequence[str], trials: Sequence[Trial]) -> dict[str, float]:
    """The share of the variance between the means of a full grid that each setting explains alone.

    In a grid every value meets every other, so the shares are those of an analysis of variance. What they lack to 1 is
    due to settings together, and to chance.

    Args:
        names: of the settings.
        trials: the finished ones of a full grid.

    Example:
        >>> def trial(number, scale, margin, eer):
        ...     repeats = {"seed_0": Finished(eer, "runs/a")}
        ...     return Trial(number, "finished", {"scale": scale, "margin": margin}, repeats)
        >>> grid = [trial(0, "8", "0.1", 0.1), trial(1, "8", "0.3", 0.1), trial(2, "16", "0.1", 0.3)]
        >>> main_effects(["scale", "margin"], [*grid, trial(3, "16", "0.3", 0.3)])
        {'scale': 1.0, 'margin': 0.0}
    """
    mean = fmean(trial.mean for trial in trials)
    total = sum((trial.mean - mean) ** 2 for trial in trials)
    shares = {}
    for name in names:
        groups: dict[Any, list[float]] = {}
        for trial in trials:
            groups.setdefault(trial.point[name], []).append(trial.mean)
        explained = sum(len(means) * (fmean(means) - mean) ** 2 for means in groups.values())
        shares[name] = round(explained / total, 6) if total else 0.0
    return shares
