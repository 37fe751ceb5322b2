import numpy as np
import pytest
import torch

from facerec.metrics import VerificationMetric, area_under_roc, equal_error_rate, normalise_scores, pair_scores


def example():
    generator = torch.Generator().manual_seed(0)
    pairs = np.random.default_rng(0).integers(0, 20, (30, 2))
    return torch.randn(20, 6, generator=generator), pairs, torch.randn(15, 6, generator=generator)


def test_distance_is_negative_and_counts_lengths():
    embeddings, pairs, _ = example()
    scores = pair_scores(embeddings, pairs, "euclidean")
    expected = [-np.linalg.norm(embeddings[a].double() - embeddings[b].double()) for a, b in pairs]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    with pytest.raises(ValueError, match="kind='manhattan': choose one of cosine, euclidean"):
        pair_scores(embeddings, pairs, "manhattan")


@pytest.mark.parametrize("nearest", [2, 5, 100])
def test_as_norm_against_the_formula(nearest):
    embeddings, pairs, cohort = example()
    scores = pair_scores(embeddings, pairs)
    normalised = normalise_scores(scores, embeddings, pairs, cohort, nearest)

    def statistics(image):
        cosines = sorted(torch.cosine_similarity(embeddings[image].double(), cohort.double()).tolist())[-nearest:]
        return np.mean(cosines), np.std(cosines, ddof=1)

    for place, pair in enumerate(pairs):
        expected = np.mean([(scores[place] - mean) / std for mean, std in map(statistics, pair)])
        assert normalised[place] == pytest.approx(expected, rel=2e-4, abs=2e-4)


def test_as_norm_needs_a_spread():
    embeddings, pairs, cohort = example()
    with pytest.raises(ValueError, match="against 1 people"):
        normalise_scores(pair_scores(embeddings, pairs), embeddings, pairs, cohort[:1])


def test_streaming_metric_does_not_depend_on_the_batches():
    generator = np.random.default_rng(0)
    same = np.arange(500) % 3 == 0
    scores = generator.normal(same * 1.0, 0.6).astype(np.float32)
    metric = VerificationMetric(fars=(0.1, 0.001))
    for start in range(0, 500, 77):
        metric.update(torch.from_numpy(scores[start : start + 77]), torch.from_numpy(same[start : start + 77]))
    numbers = metric.compute()
    rate, threshold = equal_error_rate(scores, same)
    assert numbers["eer"].item() == pytest.approx(rate)
    assert numbers["threshold"].item() == pytest.approx(threshold, rel=1e-6)
    assert numbers["auc"].item() == pytest.approx(area_under_roc(scores, same))
    assert numbers["tar_at_0.001"].isnan()
    metric.reset()
    assert not metric.scores
