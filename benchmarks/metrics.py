"""Time and memory of the verification numbers, beside sorting the scores and beside scikit-learn.

    python benchmarks/metrics.py                     # 0.1, 1 and 10 million scores, and 10 folds of 6,000 pairs
    python benchmarks/metrics.py --scores 1000000
    NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL" python benchmarks/metrics.py    # as on a processor with AVX2

``floor`` is ``np.sort`` of the float32 scores. ``ours`` is EER, AUC and TAR at three FARs from one
``VerificationCurve``. ``scikit-learn`` is ``roc_curve``, ``brentq`` on its interpolation for the EER, ``auc``, and
``np.interp`` for the TARs. ``likelihood ratios`` is what ``log_likelihood_ratios`` makes of the scores, ``Cllr`` and
``min Cllr`` what they cost. ``groups`` is the error rates of two or four groups of 1,000 people, with intervals. The
versions take turns, and the time is the median of the rounds; ``--clock cpu`` is for a
busy machine. Memory is the peak of a fresh process above what it was with the scores in place.
"""

import argparse
import ctypes
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import torch
from fresh import in_fresh_process, reset_peak, resident
from numpy.typing import NDArray

PEOPLE = 1000  # in groups
FARS = (1e-4, 1e-3, 1e-2)
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
Clock = Callable[[], float]
Numbers = Callable[[NDArray[np.float32], NDArray[np.bool_]], object]


def floor(scores: NDArray[np.float32], same: NDArray[np.bool_]) -> object:
    """Sorting, and nothing else."""
    return np.sort(scores)


def ours(scores: NDArray[np.float32], same: NDArray[np.bool_]) -> object:
    """EER, AUC and TARs of this project."""
    from facerec.metrics import VerificationCurve

    curve = VerificationCurve(scores, same)
    tars = [point.tar for point in curve.tar_at_far(FARS)]
    return curve.equal_error_rate()[0], curve.area_under_roc(), *tars


def scikit_learn(scores: NDArray[np.float32], same: NDArray[np.bool_]) -> object:
    """The same numbers as the scripts of the field make them."""
    from scipy.interpolate import interp1d
    from scipy.optimize import brentq
    from sklearn.metrics import auc, roc_curve

    fpr, tpr, _ = roc_curve(same, scores)
    curve = interp1d(fpr, tpr)
    return brentq(lambda x: 1.0 - x - curve(x), 0.0, 1.0), auc(fpr, tpr), *np.interp(FARS, fpr, tpr)


VERSIONS: dict[str, Numbers] = {"floor": floor, "ours": ours, "scikit-learn": scikit_learn}


def example(count: int, genuine: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Cosine scores of so many pairs, a share of them genuine."""
    generator = np.random.default_rng(0)
    same = generator.random(count) < genuine
    return np.clip(generator.normal(0.4 * same, 0.2), -1.0, 1.0).astype(np.float32), same


def measure_memory(version: str, count: int, genuine: float) -> float:
    """MiB above the scores."""
    scores, same = example(count, genuine)
    VERSIONS[version](scores[:1000], same[:1000])  # loads the libraries
    ctypes.CDLL(None).malloc_trim(0)  # what the example left free would be used first, and not be seen
    before = resident("VmRSS")
    reset_peak()
    VERSIONS[version](scores, same)
    return resident("VmHWM") - before


def median_times(steps: dict[str, Callable[[], object]], rounds: int, clock: Clock) -> dict[str, float]:
    """Median seconds of each, taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = clock()
            step()
            seconds[name].append(clock() - start)
    return {name: median(values) for name, values in seconds.items()}


def curves(counts: list[int], genuine: float, rounds: int, clock: Clock) -> None:
    """Print the table of EER, AUC and TAR."""
    print("| scores | version | ms | of floor | of scikit-learn | MiB | of scikit-learn |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count in counts:
        scores, same = example(count, genuine)
        steps = {name: partial(numbers, scores, same) for name, numbers in VERSIONS.items()}
        seconds = median_times({name: steps[name] for name in ("floor", "ours")}, rounds, clock)
        seconds |= median_times({"scikit-learn": steps["scikit-learn"]}, max(1, rounds // 5), clock)
        found, reference = np.array([ours(scores, same), scikit_learn(scores, same)])
        supported = ~np.isnan(found)  # a FAR of few impostor pairs has no TAR of ours
        assert np.allclose(found[supported], reference[supported], atol=1e-3)
        mebibytes = {name: in_fresh_process(measure_memory, name, count, genuine) for name in VERSIONS}
        for name in VERSIONS:
            print(
                f"| {count:,} | {name} | {1e3 * seconds[name]:.1f} | {seconds[name] / seconds['floor']:.2f} "
                f"| 1/{seconds['scikit-learn'] / seconds[name]:.1f} | {mebibytes[name]:.0f} "
                f"| 1/{mebibytes['scikit-learn'] / mebibytes[name]:.1f} |",
                flush=True,
            )


def likelihoods(counts: list[int], genuine: float, rounds: int, clock: Clock) -> None:
    """Print the table of likelihood ratios."""
    from facerec.metrics import cllr, fit_likelihood, log_likelihood_ratios, min_cllr

    print("\n| scores | what | ms | of floor |\n| --- | --- | --- | --- |")
    for count in counts:
        scores, same = example(count, genuine)
        line = fit_likelihood(scores, same)
        ratios = log_likelihood_ratios(scores, line)
        steps = {
            "floor": partial(floor, scores, same),
            "likelihood ratios": partial(log_likelihood_ratios, scores, line),
            "Cllr": partial(cllr, ratios, same),
            "min Cllr": partial(min_cllr, scores, same),
            "fit of the line": partial(fit_likelihood, scores, same),
        }
        seconds = median_times(steps, max(1, rounds // 4), clock)
        for name in steps:
            print(f"| {count:,} | {name} | {1e3 * seconds[name]:.1f} | {seconds[name] / seconds['floor']:.1f} |")


def groups(counts: list[int], rounds: int, clock: Clock) -> None:
    """Print the table of error rates of groups."""
    from facerec.reports import rates_of_groups

    names = {number: str(number) for number in range(PEOPLE)}
    print("\n| scores | groups | ms | of floor |\n| --- | --- | --- | --- |")
    for count in counts:
        scores, same = example(count, 0.5)
        people = np.random.default_rng(0).integers(PEOPLE, size=(count, 2))
        people[same, 1] = people[same, 0]
        same = people[:, 0] == people[:, 1]
        steps: dict[str, Callable[[], object]] = {"floor": partial(floor, scores, same)}
        for kinds in (2, 4):
            group_of = {"kind": {name: str(number % kinds) for number, name in names.items()}}
            steps[str(kinds)] = partial(rates_of_groups, scores, same, people, names, group_of, 0.3)
        seconds = median_times(steps, max(1, rounds // 4), clock)
        for name in steps:
            print(f"| {count:,} | {name} | {1e3 * seconds[name]:.1f} | {seconds[name] / seconds['floor']:.1f} |")


def loop(scores: NDArray[np.float32], same: NDArray[np.bool_], folds: NDArray[np.int64]) -> float:
    """10 folds as evaluation scripts have them: every threshold of a grid, one after the other."""
    accuracies = []
    for fold in range(10):
        train, test = folds != fold, folds == fold
        train_scores, train_same = scores[train], same[train]
        right = [np.mean((train_scores >= threshold) == train_same) for threshold in np.arange(-1.0, 1.0, 0.005)]
        threshold = -1.0 + 0.005 * int(np.argmax(right))
        accuracies.append(np.mean((scores[test] >= threshold) == same[test]))
    return float(np.mean(accuracies))


def protocol(rounds: int, clock: Clock) -> None:
    """Print the table of the 10-fold protocol."""
    from facerec.metrics import SEED_GRID, kfold_accuracy

    scores, same = example(6000, 0.5)
    folds = np.arange(6000) // 600
    seconds = median_times(
        {
            "ours, exact thresholds": lambda: kfold_accuracy(scores, same, folds),
            "ours, the grid": lambda: kfold_accuracy(scores, same, folds, SEED_GRID),
            "loop over 400 thresholds": lambda: loop(scores, same, folds),
        },
        rounds,
        clock,
    )
    print("\n10 folds of 6,000 pairs\n\n| version | ms | of the loop |\n| --- | --- | --- |")
    for name, value in seconds.items():
        print(f"| {name} | {1e3 * value:.2f} | 1/{seconds['loop over 400 thresholds'] / value:.0f} |")


def main() -> None:
    """Read the command line and print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--genuine", type=float, default=0.5, help="share of genuine pairs")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    args = parser.parse_args()
    print(f"NumPy {np.__version__}, {torch.get_num_threads()} threads, {100 * args.genuine:g} % genuine\n")
    curves(args.scores, args.genuine, args.rounds, CLOCKS[args.clock])
    likelihoods(args.scores, args.genuine, args.rounds, CLOCKS[args.clock])
    groups(args.scores, args.rounds, CLOCKS[args.clock])
    protocol(args.rounds, CLOCKS[args.clock])


if __name__ == "__main__":
    main()
