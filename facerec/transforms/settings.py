"""What settings of an augmentation may be, and the messages where they are not."""

import math


def check_probabilities(**probabilities: float) -> None:
    """Refuse what is no probability.

    Raises:
        ValueError: naming the setting and its value.
    """
    for name, probability in probabilities.items():
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"augment.{name}={probability}: a probability lies in [0, 1]")


def check_strengths(**strengths: float) -> None:
    """Refuse strengths that are negative or not finite.

    Raises:
        ValueError: naming the setting and its value.
    """
    for name, strength in strengths.items():
        if not 0.0 <= strength < math.inf:
            raise ValueError(f"augment.{name}={strength}: a strength is not negative")


def check_interval(name: str, interval: tuple[float, float], meaning: str) -> None:
    """Refuse two numbers that are not positive or not in order.

    Raises:
        ValueError: naming the setting, its value and what it means.
    """
    if len(interval) != 2 or not 0.0 < interval[0] <= interval[1] < math.inf:
        raise ValueError(f"augment.{name}={interval}: give the smallest and the largest {meaning}, both positive")
