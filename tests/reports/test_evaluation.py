"""One call for anyone's scores and embeddings, without Lightning."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from facerec.reports import evaluate
from tests.reports.sets import embedded_people

PROGRAM = """
import sys
import numpy as np
import facerec.reports
from facerec.reports import evaluate

generator = np.random.default_rng(0)
people = np.arange(40) // 4
pairs = np.stack(np.triu_indices(40, 1), axis=1)
same = people[pairs[:, 0]] == people[pairs[:, 1]]
embeddings = generator.normal(size=(10, 8))[people] + generator.normal(size=(40, 8))
result = evaluate(same, embeddings=embeddings, pairs=pairs, subjects=people, folds=np.arange(len(pairs)) % 10)
print(result)
assert result.to_json()["identification"]["people"] == 10
unwanted = [name for name in ("lightning", "pytorch_lightning", "tensorboard", "facerec.data") if name in sys.modules]
assert not unwanted, unwanted
"""


def test_neither_import_nor_evaluation_needs_lightning():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "95% by person" in done.stdout
    assert "rank 1" in done.stdout


def test_against_scikit_learn():
    generator = np.random.default_rng(0)
    same = np.arange(2000) % 4 == 0
    scores = generator.normal(same * 1.5, 1.0)
    result = evaluate(same, scores=scores, fars=(0.1, 0.01), resamples=10)
    far, tar, _ = roc_curve(same, scores, drop_intermediate=False)
    assert result.auc == pytest.approx(roc_auc_score(same, scores))
    assert result.eer == pytest.approx(far[np.argmin(np.abs(far - (1 - tar)))], abs=2e-3)
    for point in result.tar_at_far:
        assert point.tar == pytest.approx(tar[far <= point.far + 1e-12].max())
    assert ((scores >= result.threshold) != same)[~same].mean() == pytest.approx(result.eer, abs=2e-3)


def test_scores_and_embeddings_together():
    """Scores of one's own for the pairs, and identification by the embeddings."""
    given = embedded_people()
    own = np.random.default_rng(0).normal(size=len(given["same"])) + given["same"]
    result = evaluate(**given, scores=own, score="mine", resamples=10)
    assert result.eer == evaluate(given["same"], scores=own, resamples=10).eer
    assert (result.score, result.identification.people) == ("mine", 12)
    assert "rank 1 (cosine)" in str(result)


def test_the_order_of_the_pairs_changes_nothing():
    given = embedded_people()
    order = np.random.default_rng(0).permutation(len(given["same"]))
    turned = given | {name: given[name][order] for name in ("same", "pairs", "folds")}
    first, second = evaluate(**given, resamples=10), evaluate(**turned, resamples=10)
    assert (first.eer, first.threshold, first.auc) == (second.eer, second.threshold, second.auc)
    assert first.accuracy.mean == pytest.approx(second.accuracy.mean)
