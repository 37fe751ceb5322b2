"""How often the 95 % interval of an error rate at a fixed threshold holds the true rate.

    python benchmarks/intervals.py [--experiments 600] [--resamples 200] [--only TEXT]

Each experiment draws people, each with a likeness of their own, and scores of their pairs. Likenesses are normal, or
one person of twenty is far off and the others are alike. The threshold is that of a
true rate, which is drawn too, from a range: at one fixed rate the coverage of counted errors jumps up and down. Beside
each coverage stands the mean width of the intervals.

- naive: Wilson's interval, as if pairs were independent.
- subsets: bootstrap of all pairs of a drawn first person (Bolle, Ratha and Pankanti, CVIU 2004).
- person: bootstrap by person, ``facerec.metrics.bootstrap``.
- plug-in: Wilson's interval with the effective number of pairs, as published (Fogliato et al., IJCV 2024).
- facerec: ``facerec.metrics.error_rate``.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import NormalDist

import numpy as np
from tqdm import tqdm

from facerec.metrics import error_rate
from facerec.metrics.intervals import rate_interval
from facerec.metrics.resampling import draw_people, times_drawn

NORMAL = NormalDist()
RANGES = ((0.15, 0.30), (0.05, 0.10), (0.015, 0.03), (0.004, 0.008), (0.001, 0.002))
OFF, SHARE = 3.0, 1 / 20  # likeness of the people who are far off, and their share; that of all others is 0
DESIGNS = {  # kind, people, pairs of each person or couple, deviation of people's likeness; that of a pair is 1
    "genuine, 10 people, 45 pairs each": ("genuine", 10, 45, 0.6),
    "genuine, 10 unlike people, 45 pairs each": ("genuine", 10, 45, 1.2),
    "genuine, 40 people, 6 pairs each": ("genuine", 40, 6, 0.6),
    "genuine, 40 unlike people, 6 pairs each": ("genuine", 40, 6, 1.2),
    "genuine, 300 people, 1 pair each": ("genuine", 300, 1, 0.6),
    "impostor, all couples of 10 people": ("all", 10, 1, 0.6),
    "impostor, all couples of 10 people, 9 pairs each": ("all", 10, 9, 0.6),
    "impostor, all couples of 40 people": ("all", 40, 1, 0.6),
    "impostor, all couples of 40 people, 4 pairs each": ("all", 40, 4, 0.6),
    "impostor, all couples of 40 people, independent": ("all", 40, 1, 0.0),
    "impostor, 300 couples, 1 pair each": ("one", 300, 1, 0.6),
    "1 of 20 far off: genuine, 10 people, 45 pairs each": ("genuine", 10, 45, OFF),
    "1 of 20 far off: genuine, 40 people, 6 pairs each": ("genuine", 40, 6, OFF),
    "1 of 20 far off: impostor, all couples of 10 people, 9 pairs each": ("all", 10, 9, OFF),
    "1 of 20 far off: impostor, all couples of 40 people": ("all", 40, 1, OFF),
}
METHODS = ("naive", "subsets", "person", "plug-in", "facerec")
Ends = tuple[float, float]


def people_of(kind: str, people: int, each: int) -> np.ndarray:
    """The two people of each pair (P, 2)."""
    if kind == "genuine":
        return np.repeat(np.arange(people), each)[:, None].repeat(2, axis=1)
    if kind == "one":
        return np.arange(2 * people).reshape(-1, 2)
    return np.stack(np.triu_indices(people, 1), axis=1).repeat(each, axis=0)


def draw(kind: str, people: np.ndarray, likeness: float, each: int, generator: np.random.Generator) -> np.ndarray:
    """How error-like each pair is; normal with deviation 1 over all people, where likenesses are."""
    count = people.max() + 1
    lot = likeness * (generator.random(count) < SHARE if likeness == OFF else generator.normal(size=count))
    noise = generator.normal(size=len(people))
    if likeness == OFF:
        return (lot[people[:, 0]] if kind == "genuine" else lot[people].sum(axis=1)) + noise
    if kind == "genuine":
        return (lot[people[:, 0]] + noise) / math.hypot(likeness, 1.0)
    couple = 0.3 * generator.normal(size=len(people) // each).repeat(each)  # some couples look alike
    return (lot[people].sum(axis=1) + couple + noise) / math.sqrt(2.0 * likeness**2 + 0.3**2 + 1.0)


def threshold_of(rate: float, kind: str, likeness: float) -> float:
    """Threshold at which this share of all pairs are errors."""
    if likeness != OFF:
        return NORMAL.inv_cdf(1.0 - rate)
    people = 1 if kind == "genuine" else 2
    shares = [math.comb(people, off) * SHARE**off * (1.0 - SHARE) ** (people - off) for off in range(people + 1)]
    low, high = -10.0, 20.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        errors = sum(share * NORMAL.cdf(off * OFF - middle) for off, share in enumerate(shares))
        low, high = (middle, high) if errors > rate else (low, middle)
    return low


def wilson(rate: float, count: float) -> Ends:
    """Wilson's interval of a rate among independent pairs."""
    z = NORMAL.inv_cdf(0.975)
    middle, reach = rate + z**2 / (2 * count), z * math.sqrt((rate * (1 - rate) + z**2 / (4 * count)) / count)
    return (middle - reach) / (1 + z**2 / count), (middle + reach) / (1 + z**2 / count)


def plug_in(wrong: np.ndarray, people: np.ndarray) -> Ends:
    """The interval with the published estimate of the variance. Where there is no error, as many pairs as people."""
    rate, count = wrong.mean(), people.max() + 1
    if rate in (0.0, 1.0):
        return wilson(rate, min(count, len(wrong)))
    deviations = wrong - rate
    couples = np.bincount(np.unique(people @ [count, 1], return_inverse=True)[1].ravel(), deviations)
    products = shared = couples @ couples
    if (people[:, 0] != people[:, 1]).any():
        sums = sum(np.bincount(side, deviations, minlength=count) for side in people.T)
        shared = sums @ sums - 2.0 * products
        products += max(shared, 0.0)
    return wilson(rate, min(rate * (1 - rate) * len(wrong) ** 2 / products, len(wrong)))


def draw_subsets(people: np.ndarray, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each pair counts, where first people are drawn with all their pairs."""
    firsts = np.unique(people[:, 0], return_inverse=True)[1].ravel()
    while True:
        yield times_drawn(firsts.max() + 1, generator)[firsts]


def resampled(
    wrong: np.ndarray, people: np.ndarray, how: Callable[..., Iterator[np.ndarray]], resamples: int, seed: int
) -> Ends:
    """The percentile interval over resamples, with the exact bound where none has an error."""
    draws = (weights for weights in how(people, np.random.default_rng(seed)) if weights.any())
    rates = [weights @ wrong / weights.sum() for weights in islice(draws, resamples)]
    return rate_interval(np.array(rates), 0.95, int(people.max()) + 1)


def intervals(severity: np.ndarray, people: np.ndarray, threshold: float, resamples: int, seed: int) -> list[Ends]:
    """The interval of each method."""
    wrong = (severity >= threshold).astype(float)
    return [
        wilson(wrong.mean(), len(wrong)),
        resampled(wrong, people, draw_subsets, resamples, seed),
        resampled(wrong, people, draw_people, resamples, seed),
        plug_in(wrong, people),
        error_rate(wrong, people, severity=severity).interval,
    ]


def main() -> None:
    """Print one line for each design and range of rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=600)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--only", default="", metavar="TEXT", help="designs whose names contain it")
    settings = parser.parse_args()
    print("| design | true rate | no error | " + " | ".join(METHODS) + " |")
    print("| --- " * (len(METHODS) + 3) + "|")
    for name, (kind, count, each, likeness) in ((name, one) for name, one in DESIGNS.items() if settings.only in name):
        people = people_of(kind, count, each)
        for low, high in RANGES:
            generator = np.random.default_rng(0)
            held, widths, without = np.zeros(len(METHODS)), np.zeros(len(METHODS)), 0
            for seed in tqdm(range(settings.experiments), desc=f"{name}, {low:g}", leave=False):
                rate = low * (high / low) ** generator.random()
                severity = draw(kind, people, likeness, each, generator)
                threshold = threshold_of(rate, kind, likeness)
                without += not (severity >= threshold).any()
                ends = np.array(intervals(severity, people, threshold, settings.resamples, seed))
                held += (ends[:, 0] <= rate) & (rate <= ends[:, 1])
                widths += ends[:, 1] - ends[:, 0]
            both = zip(held / settings.experiments, widths / settings.experiments, strict=True)
            cells = " | ".join(f"{share:.1%} ({width:.1%})" for share, width in both)
            print(f"| {name} | {low:.1%} - {high:.1%} | {without / settings.experiments:.0%} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
