"""How often a 95 % interval of the difference between two equal networks holds 0.

    python benchmarks/coverage.py [--experiments 1000] [--resamples 400] [--only TEXT]

Each experiment draws people, images and two networks of one quality from ``tests/metrics/networks.py``. The paired
bootstrap then gives an interval of the difference of EER and of TAR at FAR 0.1. 95 % of these should hold 0. Beside it
stand the deviation of the differences, and the one that the intervals suggest: their mean width over 3.92. Designs with
folds have networks of their own for each fold of people.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from facerec.metrics import FoldScores, difference_between, draw_rates, paired_bootstrap

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.metrics.networks import two_equal_networks

ALL = 10**6
FOLDS = {  # folds of people, people and images in each, seeds, their luck
    "4 folds of 10, 10 images, 1 seed": (4, 10, 10, 1, 0.0),
    "4 folds of 10, 10 images, 3 seeds": (4, 10, 10, 3, 0.0),
    "4 folds of 10, 10 images, 1 unlike seed": (4, 10, 10, 1, 0.3),
    "4 folds of 10, 10 images, 3 unlike seeds": (4, 10, 10, 3, 0.3),
}
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


def pair_of_networks(design, generator, resamples, seed):
    """Differences of EER and of TAR at FAR 0.1, with intervals, from two equal networks on one group of people."""
    people, images, impostors, seeds, luck, by_person = design
    first, second, same, who = two_equal_networks(generator, people, images, impostors, seeds=seeds, luck=luck)
    found = paired_bootstrap(first, second, same, who if by_person else None, [0.1], resamples, seed=seed)
    return found.equal_error_rate, found.tar[0]


def pairs_of_networks(design, generator, resamples, seed):
    """The same differences of means over folds of people."""
    count, people, images, seeds, luck = design
    folds = []
    for _ in range(count):
        first, second, same, who = two_equal_networks(generator, people, images, ALL, seeds=seeds, luck=luck)
        folds.append(FoldScores(np.stack([first, second]), same, who))
    drawn = draw_rates(folds, [0.1], resamples, seed=seed)
    return difference_between(drawn, 0, 1), difference_between(drawn, 0, 1, place=1)


def main():
    """Print one line for each design."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--only", default="", help="designs whose names have this text")
    settings = parser.parse_args()
    print(f"{'design':42}  EER held  deviation  suggested  TAR held")
    for name, design in (DESIGNS | FOLDS).items():
        if settings.only not in name:
            continue
        measure = pairs_of_networks if name in FOLDS else pair_of_networks
        generator = np.random.default_rng(0)
        found = [
            measure(design, generator, settings.resamples, seed)
            for seed in tqdm(range(settings.experiments), desc=name, leave=False)
        ]
        rates, tars = zip(*found, strict=True)
        deviation = np.std([rate.difference for rate in rates])
        suggested = np.mean([np.ptp(rate.interval) for rate in rates]) / 3.92
        held = [np.mean([not rate.is_significant for rate in some]) for some in (rates, tars)]
        print(f"{name:42}  {held[0]:8.1%}  {deviation:9.2%}  {suggested:9.2%}  {held[1]:8.1%}", flush=True)


if __name__ == "__main__":
    main()
