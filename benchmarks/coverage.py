"""How often a 95 % interval of the difference between two equal networks holds 0.

    python benchmarks/coverage.py [--experiments 1000] [--resamples 400]

Each experiment draws people, images and two networks of one quality from ``tests/metrics/networks.py``. The paired
bootstrap then gives an interval of the difference of EER and of TAR at FAR 0.1. 95 % of these should hold 0. Beside it
stand the deviation of the differences, and the one that the intervals suggest: their mean width over 3.92.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from facerec.metrics import paired_bootstrap

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.metrics.networks import two_equal_networks

ALL = 10**6
DESIGNS = {  # people, images of each, impostor pairs, seeds, their luck, whether to resample people
    "10 people, 10 images, all pairs": (10, 10, ALL, 0, 0.0, True),
    "20 people, 6 images, all pairs": (20, 6, ALL, 0, 0.0, True),
    "40 people, 4 images, all pairs": (40, 4, ALL, 0, 0.0, True),
    "30 people, 4 images, 400 impostor pairs": (30, 4, 400, 0, 0.0, True),
    "300 people, 2 images, 300 impostor pairs": (300, 2, 300, 0, 0.0, True),
    "300 people, 2 images, 300, by pair": (300, 2, 300, 0, 0.0, False),
    "40 people, 4 images, 1000, 3 seeds": (40, 4, 1000, 3, 0.0, True),
    "40 people, 4 images, 1000, 5 seeds": (40, 4, 1000, 5, 0.0, True),
    "40 people, 4 images, 1000, 3 unlike seeds": (40, 4, 1000, 3, 0.3, True),
    "40 people, 4 images, 1000, 5 unlike seeds": (40, 4, 1000, 5, 0.3, True),
}


def main():
    """Print one line for each design."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=400)
    settings = parser.parse_args()
    print(f"{'design':42}  EER held  deviation  suggested  TAR held")
    for name, (people, images, impostors, seeds, luck, by_person) in DESIGNS.items():
        generator = np.random.default_rng(0)
        found = []
        for seed in tqdm(range(settings.experiments), desc=name, leave=False):
            first, second, same, who = two_equal_networks(generator, people, images, impostors, seeds=seeds, luck=luck)
            units = who if by_person else None
            found.append(paired_bootstrap(first, second, same, units, [0.1], settings.resamples, seed=seed))
        rates, tars = [one.equal_error_rate for one in found], [one.tar[0] for one in found]
        deviation = np.std([rate.difference for rate in rates])
        suggested = np.mean([np.ptp(rate.interval) for rate in rates]) / 3.92
        held = [np.mean([not rate.is_significant for rate in some]) for some in (rates, tars)]
        print(f"{name:42}  {held[0]:8.1%}  {deviation:9.2%}  {suggested:9.2%}  {held[1]:8.1%}", flush=True)


if __name__ == "__main__":
    main()
