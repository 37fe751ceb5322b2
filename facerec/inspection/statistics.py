"""Numbers of a set: people, images, sizes, pixels."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.data.people import UNKNOWN
from facerec.inspection.duplicates import InspectedSet

MOST_BARS = 12
LISTED = 20  # sizes by name in the report


class Bar(NamedTuple):
    """Number of people who have from ``low`` to ``high`` images."""

    low: int
    high: int
    people: int

    @property
    def label(self) -> str:
        """``low`` and ``high``; one number if they are the same."""
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


def images_per_person(some: InspectedSet) -> NDArray[np.int64]:
    """Number of images of each person whose name is known, decodable or not."""
    counts = Counter(name for name in some.people.names if name != UNKNOWN)
    return np.array([counts[name] for name in sorted(counts)], dtype=np.int64)


def histogram(counts: NDArray[np.int64]) -> list[Bar]:
    """Bars of one number each if few numbers occur, else of doubling width: people in the wild are unequal."""
    if not len(counts):
        return []
    low, high = int(counts.min()), int(counts.max())
    if high - low < MOST_BARS:
        bounds = [(number, number) for number in range(low, high + 1)]
    else:
        powers = range(low.bit_length() - 1, high.bit_length())
        bounds = [(max(low, 1 << power), min(high, (2 << power) - 1)) for power in powers]
    return [Bar(first, last, int(((counts >= first) & (counts <= last)).sum())) for first, last in bounds]


def statistics(some: InspectedSet) -> dict[str, Any]:
    """The numbers of a set, as they are written to ``report.json``."""
    good = [facts for facts in some.facts if not facts.error]
    counts = images_per_person(some)
    sizes = Counter(f"{facts.width}x{facts.height}" for facts in good)
    report: dict[str, Any] = {
        "images": len(some.facts),
        "people": len(counts) or None,
        "people_told_by": some.people.told_by,
        "images_per_person": _spread(counts),
        "sizes_width_x_height": dict(sizes.most_common(LISTED)),
        "other_sizes": sum(count for _, count in sizes.most_common()[LISTED:]),
        "modes": dict(Counter(facts.mode for facts in good if facts.mode).most_common()),
        "formats": dict(Counter(facts.format for facts in good if facts.format).most_common()),
        "file_bytes": sum(facts.file_bytes for facts in good),
        "undecodable": [
            {"image": some.images.name(index), "error": facts.error}
            for index, facts in enumerate(some.facts)
            if facts.error
        ],
        "not_read": some.images.unread(),
    }
    return report | _pixels(np.array([facts.mean for facts in good]), np.array([facts.mean_square for facts in good]))


def _spread(counts: NDArray[np.int64]) -> dict[str, Any] | None:
    if not len(counts):
        return None
    return {
        "least": int(counts.min()),
        "median": float(np.median(counts)),
        "mean": round(float(counts.mean()), 2),
        "most": int(counts.max()),
        "histogram": {bar.label: bar.people for bar in histogram(counts)},
    }


def _pixels(mean_N3: NDArray[np.float64], mean_square_N3: NDArray[np.float64]) -> dict[str, Any]:
    """Mean and standard deviation of each channel in [0, 1]. Every image counts alike, whatever its size."""
    if not len(mean_N3):
        return {"pixel_mean_rgb": None, "pixel_std_rgb": None}
    mean_3 = mean_N3.mean(0)
    std_3 = np.sqrt(np.maximum(mean_square_N3.mean(0) - mean_3**2, 0.0))
    return {"pixel_mean_rgb": mean_3.round(4).tolist(), "pixel_std_rgb": std_3.round(4).tolist()}
