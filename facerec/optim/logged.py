"""What a run logs of its optimizer."""

from collections.abc import Mapping, Sequence
from typing import Any

from facerec.optim.groups import part_of


def logged_rates(groups: Sequence[Mapping[str, Any]], *, with_momentum: bool = False) -> dict[str, float]:
    """Learning rates and momentum by their logged names.

    Args:
        groups: those of an optimizer.
        with_momentum: whether the momentum changes over the run.

    Returns:
        ``learning_rate`` of the first group, ``learning_rate/PART`` of each part with another one, ``momentum``.

    Example:
        >>> groups = [{"name": "head", "lr": 0.1}, {"name": "stem", "lr": 0.01}, {"name": "stem_no_decay", "lr": 0.01}]
        >>> logged_rates(groups)
        {'learning_rate': 0.1, 'learning_rate/stem': 0.01}
    """
    first = groups[0]
    values = {"learning_rate": first["lr"]}
    for group in groups:
        if _full_rate(group) != _full_rate(first):
            values[f"learning_rate/{part_of(group)}"] = group["lr"]
    if with_momentum:
        values["momentum"] = first["momentum"] if "momentum" in first else first["betas"][0]
    return values


def _full_rate(group: Mapping[str, Any]) -> float:
    """The learning rate that a schedule is a factor of."""
    return float(group.get("initial_lr", group["lr"]))
