"""The error rates of each set, from the embeddings of its images."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from facerec.callbacks import Verification
from facerec.callbacks.verification import verification_of
from facerec.data import ORLPairs
from facerec.metrics import error_rates_at
from facerec.metrics.scores import cosine_scores
from facerec.reports import ScoredSet, evaluate
from facerec.reports.calibration import calibrate_sets
from facerec.reports.pair_scoring import pairs_among
from tests.callbacks.conftest import orl_faces, quiet_trainer


def test_what_is_logged_is_what_evaluate_gives_for_the_images(recognizer):
    """Each image is read and embedded here by itself, in a plain loop."""
    trainer = quiet_trainer(Verification())
    trainer.test(recognizer, orl_faces(), verbose=False)
    pairs = ORLPairs("test")
    with torch.no_grad():
        embeddings = torch.cat([recognizer.eval().embed(pairs.read(index)[None]) for index in range(len(pairs))])
    expected = evaluate(pairs.same, embeddings=embeddings, pairs=pairs.pairs, subjects=pairs.subjects, resamples=2)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert logged["test/orl/eer"] == logged["test/eer"] == pytest.approx(expected.eer, abs=1e-3)
    assert logged["test/orl/auc"] == pytest.approx(expected.auc, abs=1e-3)
    assert logged["test/orl/threshold"] == pytest.approx(expected.threshold, abs=1e-3)
    scored = verification_of(trainer).scores["orl"]
    assert scored.score == "cosine"
    assert (scored.people == pairs.subjects[pairs.pairs]).all()


def test_a_limited_pass_without_one_kind_of_pair_logs_nothing(recognizer):
    data = orl_faces()
    data.eval_batch_size = 3  # three images of one person
    trainer = quiet_trainer(Verification(), limit_test_batches=1)
    trainer.test(recognizer, data, verbose=False)
    assert verification_of(trainer).scores == {}
    assert "test/eer" not in trainer.callback_metrics


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"as_norm": 1}, "verification.as_norm=1 with score=cosine: give 2 or more"),
        ({"as_norm": 5, "score": "euclidean"}, "verification.as_norm=5 with score=euclidean"),
        ({"calibrate_at": 1.5}, "verification.calibrate_at=1.5: give eer, accuracy or a FAR"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Verification(**settings)


def test_scores_are_the_cosines_in_float32():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(50, 8, generator=generator)
    pairs = np.random.default_rng(0).integers(0, 50, (200, 2))
    scores = cosine_scores(embeddings, pairs)
    assert scores.dtype == np.float32
    expected = cosine_similarity(embeddings[pairs[:, 0]].double(), embeddings[pairs[:, 1]].double())
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    np.testing.assert_allclose(cosine_scores(embeddings * 1000, pairs), scores, atol=1e-6)


def test_an_embedding_of_zero_scores_zero_not_nan():
    assert cosine_scores(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), np.array([[0, 1]])).tolist() == [0.0]


def test_pairs_of_a_limited_pass():
    pairs, kept = pairs_among(np.array([1, 3, 4]), np.array([[1, 3], [0, 1], [4, 3], [3, 9]]))
    assert pairs.tolist() == [[0, 1], [2, 1]]
    assert kept.tolist() == [True, False, True, False]


def test_threshold_is_calibrated_on_all_sets_together():
    generator = np.random.default_rng(0)
    same = np.arange(400) < 200
    sets = {name: (generator.normal(same * 2.0 + shift, 1.0), same) for name, shift in (("a", 0.0), ("b", 0.5))}
    calibration = calibrate_sets([ScoredSet.from_arrays(g, scores=s) for s, g in sets.values()])
    scores, labels = np.concatenate([s for s, _ in sets.values()]), np.concatenate([g for _, g in sets.values()])
    assert error_rates_at(scores, labels, calibration["threshold"]) == (calibration["far"], calibration["frr"])
    assert calibration["far"] == pytest.approx(calibration["frr"], abs=0.01)
