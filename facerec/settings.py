"""Settings by their full names, and checks of their values, shared by all rooms.

Each error names the setting, its value and what is allowed.

``owner`` says whose setting it is: an object (its class is named), a class name (``"ArcFace"`` gives
``ArcFace scale=-1``), the beginning of a YAML key that ends in a dot (``"augment."`` gives ``augment.noise=-1``), or
``--`` for an option of a command (``--workers=-1``).
"""

import math
from collections.abc import Iterable
from typing import Any


def require_positive(owner: object, **settings: float) -> None:
    """Refuse values that are not positive and finite.

    Raises:
        ValueError: naming the setting and its value.

    Example:
        >>> require_positive("ArcFace", scale=-1.0)
        Traceback (most recent call last):
        ValueError: ArcFace scale=-1.0: must be positive and finite
    """
    for name, value in settings.items():
        if not 0.0 < value < math.inf:
            raise ValueError(f"{_called(owner, name)}={value}: must be positive and finite")


def require_within(
    owner: object,
    low: float,
    high: float,
    *,
    low_excluded: bool = False,
    high_excluded: bool = False,
    **settings: float,
) -> None:
    """Refuse values outside [low, high]; ``low_excluded`` and ``high_excluded`` refuse that end as well.

    An infinite ``high`` stands for no upper limit; infinity itself is refused all the same.

    Raises:
        ValueError: naming the setting, its value and the range.

    Example:
        >>> require_within("ResNet", 0.0, 1.0, high_excluded=True, dropout=1.0)
        Traceback (most recent call last):
        ValueError: ResNet dropout=1.0: must be in [0, 1)
        >>> require_within("data.", 1, math.inf, batch_size=0)
        Traceback (most recent call last):
        ValueError: data.batch_size=0: must be at least 1
    """
    is_open = high_excluded or math.isinf(high)
    for name, value in settings.items():
        if not low <= value <= high or (low_excluded and value == low) or (is_open and value == high):
            start, end = "(" if low_excluded else "[", ")" if is_open else "]"
            at_least = f"{'above' if low_excluded else 'at least'} {low:g}"
            allowed = at_least if math.isinf(high) else f"in {start}{low:g}, {high:g}{end}"
            raise ValueError(f"{_called(owner, name)}={value}: must be {allowed}")


def require_interval(owner: object, meaning: str, **intervals: tuple[float, float]) -> None:
    """Refuse intervals that are not two positive, finite numbers in order.

    Args:
        owner: whose settings they are.
        meaning: of both numbers, such as ``"factor of the size"``.
        intervals: (smallest, largest) by name.

    Raises:
        ValueError: naming the setting, its value and its meaning.

    Example:
        >>> require_interval("augment.", "factor of the size", scale=(1.2, 0.9))
        Traceback (most recent call last):
        ValueError: augment.scale=(1.2, 0.9): give the smallest and the largest factor of the size, both positive
    """
    for name, interval in intervals.items():
        if len(interval) != 2 or not 0.0 < interval[0] <= interval[1] < math.inf:
            expected = f"give the smallest and the largest {meaning}, both positive"
            raise ValueError(f"{_called(owner, name)}={interval}: {expected}")


def require_choice(owner: object, choices: Iterable[object], **settings: object) -> None:
    """Refuse values that are not among the choices.

    Raises:
        ValueError: naming the setting, its value and the choices.

    Example:
        >>> require_choice("ResNet", (18, 34), depth=20)
        Traceback (most recent call last):
        ValueError: ResNet depth=20: choose one of 18, 34
    """
    allowed = list(choices)
    for name, value in settings.items():
        if value not in allowed:
            raise ValueError(f"{_called(owner, name)}={value!r}: choose one of {', '.join(map(str, allowed))}")


def flatten(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings by their full names. A list is one setting, and an empty part has none.

    Args:
        settings: a dictionary, or anything with ``as_dict`` such as a namespace of the command line.
        prefix: full name of the part they belong to.

    Example:
        >>> flatten({"model": {"loss": {"scale": 64.0}, "image_size": [112, 112]}, "augment": {}})
        {'model.loss.scale': 64.0, 'model.image_size': [112, 112]}
    """
    if hasattr(settings, "as_dict"):
        settings = settings.as_dict()
    if not isinstance(settings, dict):
        return {prefix: settings}
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _called(owner: object, name: str) -> str:
    """The full name of a setting, as its user writes it."""
    text = owner if isinstance(owner, str) else type(owner).__name__
    return f"{text}{name}" if text.endswith((".", "--")) else f"{text} {name}"
