"""One call for anyone's scores and embeddings, without Lightning."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from facerec.metrics import log_likelihood_ratios
from facerec.reports import calibrate, evaluate
from tests.reports.sets import embedded_people

PROGRAM = """
import sys
import numpy as np
import facerec.reports
from facerec.metrics import log_likelihood_ratios
from facerec.reports import calibrate, evaluate

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


def test_names_stand_for_rows():
    """Embeddings by name give what rows give, in any order of the names."""
    given = embedded_people()
    names = np.array([f"{place}.png" for place in range(len(given["subjects"]))])
    order = np.random.default_rng(1).permutation(len(names))
    by_row = evaluate(given["same"], embeddings=given["embeddings"], pairs=given["pairs"], resamples=2)
    turned = given["embeddings"][order]
    by_name = evaluate(
        given["same"], embeddings=turned, names=names[order], pairs=names[given["pairs"]].tolist(), resamples=2
    )
    assert (by_row.eer, by_row.threshold) == (by_name.eer, by_name.threshold)


def test_people_of_pairs_give_the_interval_of_subjects():
    given = embedded_people()
    scores = np.random.default_rng(0).normal(size=len(given["same"])) + given["same"]
    people = np.array([f"person {number:02d}" for number in given["subjects"]])[given["pairs"]]
    by_image = evaluate(
        given["same"], scores=scores, pairs=given["pairs"], subjects=given["subjects"], resamples=20
    ).interval_by_person
    assert evaluate(given["same"], scores=scores, people=people, resamples=20).interval_by_person == by_image


def test_distances_are_noticed_and_turned():
    same = np.arange(200) < 100
    distances = np.random.default_rng(0).uniform(size=200) + ~same
    with pytest.warns(UserWarning, match=r"AUC of 0\.0\d+ .* distance=True"):
        wrong = evaluate(same, scores=distances, resamples=2)
    right = evaluate(same, scores=distances, distance=True, resamples=2)
    assert right.eer == pytest.approx(1.0 - wrong.eer)
    assert right.auc == pytest.approx(1.0 - wrong.auc)
    assert right.score == "negative distance"


def test_a_calibration_is_of_the_same_scores_and_other_pairs():
    """The threshold is that of the validation pairs alone, and the cost that of their line."""
    generator = np.random.default_rng(0)
    same = np.arange(300) % 2 == 0
    validation, test = (generator.normal(same * 3.0, 1.0) for _ in range(2))
    found = calibrate(same, scores=validation, at=0.1)
    assert (validation[~same] >= found["threshold"]).mean() <= 0.1
    cost = evaluate(same, scores=test, calibration=found, resamples=2).likelihood_cost
    ratios = log_likelihood_ratios(test, found["likelihood"])
    genuine, impostor = np.log2(1 + np.exp(-ratios[same])).mean(), np.log2(1 + np.exp(ratios[~same])).mean()
    assert cost.cllr == pytest.approx((genuine + impostor) / 2)
    with pytest.raises(ValueError, match="calibration of 'given' scores, and these are 'cosine'"):
        evaluate(same, scores=test, score="cosine", calibration=found)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"names": ["a", "b"], "pairs": [["a", "c"], ["d", "b"]]}, "2 names in pairs have no embedding, such as 'c'"),
        ({"names": ["a", "a"], "pairs": [["a", "a"]] * 2}, "1 of 2 names come twice"),
        ({"names": ["a"], "pairs": [["a", "a"]] * 2}, "1 names and 2 embeddings"),
        ({"names": ["a", "b"]}, "names without pairs"),
        ({"people": [["a", "b"]] * 2, "pairs": [[0, 1]] * 2}, "people= is for pairs whose images are unknown"),
        ({"pairs": [[0, 1], [0, 0]], "distance": True}, "distance=True is for your own scores"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        evaluate([1, 0], embeddings=[[1.0, 0.0], [0.0, 1.0]], **given)
