"""When a trial is stopped early: the rule of the median.

A trial is compared at places of its course: at each validation of each repeat, and at the end of each repeat. Its value
there is the mean of the finished repeats' EERs and of the lowest EER so far of the repeat under way. It stops where
that is above the median of all other trials that came as far (Golovin et al., "Google Vizier", KDD 2017, without their
running average). All trials have the same repeats in the same order, so seeds and people are the same at a place.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from facerec.reports.events import event_files
from facerec.reports.runs import offered_stage, read_settings

MOST_VALIDATIONS = 100_000  # of a repeat


def place(repeat: int, validation: int | None = None) -> int:
    """Number of a place: the n-th validation of a repeat, or its end.

    Example:
        >>> place(0, 1) < place(0, 2) < place(0) < place(1, 1)
        True
    """
    return repeat * MOST_VALIDATIONS + (MOST_VALIDATIONS - 1 if validation is None else validation)


def value(finished: Sequence[float], under_way: Sequence[float] = ()) -> float:
    """The value of a trial at a place.

    Args:
        finished: EER of each finished repeat.
        under_way: EER of each validation so far of the repeat under way.

    Example:
        >>> value([0.1], [0.5, 0.3, 0.4])
        0.2
    """
    return fmean([*finished, *([min(under_way)] if under_way else [])])


def is_hopeless(own: float, others: Sequence[float], after: int) -> bool:
    """Whether a trial is to stop.

    Args:
        own: its value at a place.
        others: value of each other trial that came there.
        after: fewest others to compare with.

    Example:
        >>> is_hopeless(0.3, [0.1, 0.2, 0.4], after=3), is_hopeless(0.3, [0.1, 0.2], after=3)
        (True, False)
    """
    return len(others) >= after and own > median(others)


class RunningRates:
    """The validation EERs of a run under way, from what it logs for TensorBoard: of the weights that it will offer."""

    def __init__(self) -> None:
        self._readers: dict[Path, Any] = {}

    def read(self, run: Path | None) -> list[float]:
        """EER of each validation so far.

        Args:
            run: its folder; None if it is not there yet.
        """
        if run is None:
            return []
        name, rates = f"{offered_stage(read_settings(run))}/eer", dict[int, float]()
        for file in event_files(run):
            rates |= {event.step: float(event.value) for event in self._events(file, name)}
        return [rates[step] for step in sorted(rates)]

    def _events(self, file: Path, name: str) -> list[Any]:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        if file not in self._readers:
            sizes = {"scalars": 0, "images": 1, "tensors": 1}
            self._readers[file] = EventAccumulator(str(file), size_guidance=sizes)
        reader = self._readers[file]
        reader.Reload()
        return list(reader.Scalars(name)) if name in reader.Tags()["scalars"] else []
