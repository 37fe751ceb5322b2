from itertools import pairwise

import numpy as np
import pytest

from facerec.metrics import SEED_GRID, best_accuracy, calibrate_threshold, error_rates_at, kfold_accuracy


def slow_threshold(scores, same):
    """Every threshold that makes a difference, one after the other; the last of the best stays."""
    distinct = sorted(set(scores.tolist()))
    middles = [low + 0.5 * (high - low) for low, high in pairwise(distinct)]
    best, chosen = -1, None
    for threshold in [distinct[0], *middles, np.nextafter(distinct[-1], np.inf)]:
        right = sum((score >= threshold) == bool(label) for score, label in zip(scores, same, strict=True))
        if right >= best:
            best, chosen = right, threshold
    return chosen


def random_folds(count):
    generator = np.random.default_rng(count)
    for trial in range(count):
        size = int(generator.integers(4, 50))
        same = generator.random(size) < 0.5
        same[:2] = True, False
        folds = np.arange(size) % int(generator.integers(2, 5)) * 7 - 3
        yield np.round(generator.normal(same * 1.0, 0.7), trial % 3 + 1), same, folds


def test_against_trying_every_threshold():
    for scores, same, folds in random_folds(60):
        result = kfold_accuracy(scores, same, folds)
        for place, fold in enumerate(np.unique(folds)):
            inside = folds == fold
            threshold = slow_threshold(scores[~inside], same[~inside])
            assert result.thresholds[place] == threshold
            assert result.accuracies[place] == ((scores[inside] >= threshold) == same[inside]).mean()
        assert result.mean == pytest.approx(result.accuracies.mean())
        assert result.std == pytest.approx(np.sqrt(((result.accuracies - result.mean) ** 2).mean()))
        assert result.threshold == pytest.approx(result.thresholds.mean())


def test_the_grid_gives_what_the_loop_of_the_seed_gives():
    """lfw_eval.py: 400 thresholds, ``>=`` keeps the last of the best, the mean and np.std over ten folds in order."""
    generator = np.random.default_rng(0)
    same = np.arange(600) // 30 % 2 == 0
    scores = np.clip(generator.normal(same * 0.4, 0.25), -1, 1).astype(np.float32)
    folds = np.arange(600) // 60
    accuracies, thresholds = [], []
    for fold in range(10):
        train, test = folds != fold, folds == fold
        best, chosen = 0.0, 0.0
        for threshold in np.arange(-1.0, 1.0, 0.005):
            accuracy = ((scores[train] > threshold) == same[train]).mean()
            if accuracy >= best:
                best, chosen = accuracy, threshold
        accuracies.append(((scores[test] > chosen) == same[test]).mean())
        thresholds.append(chosen)
    result = kfold_accuracy(scores, same, folds, SEED_GRID)
    assert (result.mean, result.std) == (pytest.approx(np.mean(accuracies)), pytest.approx(np.std(accuracies)))
    assert result.thresholds.tolist() == thresholds


def test_by_hand():
    # Fold 1 alone parts 0.2 from 0.8 at 0.5, which is right on fold 0; fold 0 parts at 0.6, which misses 0.8 > 0.6 not.
    result = kfold_accuracy([0.3, 0.9, 0.2, 0.8], [0, 1, 0, 1], [0, 0, 1, 1])
    assert result.thresholds.tolist() == [pytest.approx(0.5), pytest.approx(0.6)]
    assert (result.mean, result.std, result.threshold) == (1.0, 0.0, pytest.approx(0.55))


@pytest.mark.parametrize(
    ("folds", "message"), [([0, 0, 0, 0], "1 fold"), ([0, 1], r"give the fold of each of the 4 pairs")]
)
def test_bad_folds(folds, message):
    with pytest.raises(ValueError, match=message):
        kfold_accuracy([0.3, 0.9, 0.2, 0.8], [0, 1, 0, 1], folds)


def test_calibration_by_each_method():
    generator = np.random.default_rng(1)
    same = np.arange(3000) < 1000
    scores = generator.normal(2.0 * same, 1.0)
    equal = calibrate_threshold(scores, same)
    assert (equal["method"], equal["score"]) == ("eer", "cosine")
    assert equal["far"] == pytest.approx(equal["frr"], abs=2e-3)
    strict = calibrate_threshold(scores, same, 0.01, "euclidean")
    assert strict["far"] <= 0.01 < error_rates_at(scores, same, np.nextafter(strict["threshold"], -9) - 0.05).far
    assert (strict["method"], strict["score"]) == ("far=0.01", "euclidean")
    accurate = calibrate_threshold(scores, same, "accuracy")
    accuracy, threshold = best_accuracy(scores, same)
    assert accurate["threshold"] == threshold
    assert best_accuracy(scores[::30], same[::30])[1] == slow_threshold(scores[::30], same[::30])
    assert accuracy == pytest.approx((2000 * (1 - accurate["far"]) + 1000 * (1 - accurate["frr"])) / 3000)
    with pytest.raises(ValueError, match="2000 impostor pairs cannot support this FAR"):
        calibrate_threshold(scores, same, 0.001)
