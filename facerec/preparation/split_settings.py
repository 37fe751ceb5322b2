"""How a folder of people is divided."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from facerec.inspection.hashing import MOST_BITS
from facerec.settings import require_positive, require_within


@dataclass(frozen=True)
class SplitSettings:
    """How a folder of people is divided.

    Attributes:
        shares: parts of the people to train on, to validate on and to test on, in any unit. The last may be 0.
        seed: of the division and of the pairs.
        min_images: fewest photographs of a person to train on. Validation and test take everybody.
        dev_share: share of each training person's images that become dev images. Two images always stay to train on.
        pairs_per_person: most genuine pairs of a person.
        impostor_ratio: impostor pairs for each genuine pair.
        keep_together: put people who share a photograph into one part.
        near_distance: also find photographs that are alike, by decoding every image: the largest number of bits, of
            256, in which their perceptual hashes differ. By default only identical files are found.

    Raises:
        ValueError: naming the setting that is out of range.

    Example:
        >>> SplitSettings(shares=(85, 15, 0)).fractions
        (0.85, 0.15, 0.0)
    """

    shares: tuple[float, float, float] = (70.0, 15.0, 15.0)
    seed: int = 0
    min_images: int = 2
    dev_share: float = 0.1
    pairs_per_person: int = 20
    impostor_ratio: float = 1.0
    keep_together: bool = False
    near_distance: int | None = None

    def __post_init__(self) -> None:
        train, validation, test = self.shares
        require_positive("split", train_share=train, validation_share=validation, impostor_ratio=self.impostor_ratio)
        require_within("split", 0, math.inf, test_share=test, seed=self.seed)
        require_within("split", 1, math.inf, min_images=self.min_images, pairs_per_person=self.pairs_per_person)
        require_within("split", 0, 1, high_excluded=True, dev_share=self.dev_share)
        if self.near_distance is not None:
            require_within("split", 0, MOST_BITS, near_distance=self.near_distance)

    @property
    def fractions(self) -> tuple[float, float, float]:
        """The shares as parts of one."""
        train, validation, test = (round(share / sum(self.shares), 6) for share in self.shares)
        return train, validation, test

    def as_dict(self) -> dict[str, Any]:
        """Names and plain values, for JSON. Shares that divide alike are equal."""
        return asdict(self) | {"shares": list(self.fractions)}
