"""The threshold of an identification with strangers, against a loop over the grid."""

import numpy as np
import pytest

from facerec.metrics import SEED_GRID, sweep_thresholds


@pytest.mark.parametrize("seed", range(5))
def test_against_a_loop(seed):
    generator = np.random.default_rng(seed)
    enrolled = np.arange(60) < 40
    right = enrolled & (generator.random(60) < 0.8)
    scores = np.round(generator.normal(0.4 * enrolled, 0.2), 2).clip(-1.0, 1.0)
    found = sweep_thresholds(scores, right, enrolled)
    accuracies = []
    for threshold in SEED_GRID:
        answers = [
            (is_right and score >= threshold) if is_enrolled else score < threshold
            for score, is_right, is_enrolled in zip(scores, right, enrolled, strict=True)
        ]
        accuracies.append(sum(answers) / len(answers))
    np.testing.assert_allclose(found.accuracies, accuracies)
    best = max(place for place, value in enumerate(accuracies) if value == max(accuracies))
    assert (found.threshold, found.accuracy) == (SEED_GRID[best], max(accuracies))
    assert found.named == (right & (scores >= found.threshold)).sum() / 40
    assert found.refused == (scores[~enrolled] < found.threshold).mean()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([0.5, 0.4], [1, 0], [1, 1]), "2 probes of enrolled people and 0 of strangers"),
        (([0.5, 0.4], [0, 0], [0, 0]), "0 probes of enrolled people and 2 of strangers"),
        (([0.5, np.nan], [1, 0], [1, 0]), "contain NaN or inf"),
        (([0.5], [1, 0], [1, 0]), "give one of each for every probe"),
        (([0.5, 0.4], [1, 0], [1, 0], []), "at least one threshold"),
    ],
)
def test_what_cannot_be_swept_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        sweep_thresholds(*given)
