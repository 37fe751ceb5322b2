"""Templates, against the definition written as loops in float64."""

import numpy as np
import pytest
import torch

from facerec.metrics import cosine_scores, pair_scores, pool_templates


@pytest.fixture
def members():
    """Forty images in 60 memberships of 9 templates, of media that several templates share."""
    random = np.random.default_rng(0)
    templates = np.append(np.arange(9), random.integers(0, 9, 51))
    return {
        "embeddings": random.normal(size=(40, 7)) * random.uniform(0.5, 3.0, (40, 1)),
        "images": random.integers(0, 40, 60),
        "templates": templates,
        "media": random.integers(0, 4, 60),
        "scores": random.uniform(0.3, 1.0, 60),
    }


def by_loops(members, *, mean_of_media, weigh_by_score, weigh_by_length):
    """As the paper says it, one template after another."""
    made = []
    for template in range(9):
        by_medium = {}
        for place in np.flatnonzero(members["templates"] == template):
            feature = members["embeddings"][members["images"][place]]
            if not weigh_by_length:
                feature = feature / np.sqrt((feature**2).sum())
            if weigh_by_score:
                feature = feature * members["scores"][place]
            by_medium.setdefault(members["media"][place] if mean_of_media else place, []).append(feature)
        total = sum(np.mean(features, axis=0) for features in by_medium.values())
        made.append(total / np.linalg.norm(total))
    return np.array(made)


@pytest.mark.parametrize("weigh_by_length", [True, False])
@pytest.mark.parametrize("weigh_by_score", [True, False])
@pytest.mark.parametrize("mean_of_media", [True, False])
def test_templates_are_those_of_the_definition(members, mean_of_media, weigh_by_score, weigh_by_length):
    found = pool_templates(
        members["embeddings"],
        members["images"],
        members["templates"],
        members["media"] if mean_of_media else None,
        members["scores"] if weigh_by_score else None,
        weigh_by_length=weigh_by_length,
    )
    settings = {"mean_of_media": mean_of_media, "weigh_by_score": weigh_by_score, "weigh_by_length": weigh_by_length}
    expected = by_loops(members, **settings)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    others = by_loops(members, **settings | {"mean_of_media": not mean_of_media})
    assert np.abs(found.numpy() - others).max() > 1e-3  # the setting matters


def test_blocks_change_nothing(members, monkeypatch):
    whole = pool_templates(members["embeddings"], members["images"], members["templates"], members["media"])
    pairs = np.random.default_rng(1).integers(0, 9, (50, 2))
    scores = [pair_scores(members["embeddings"], pairs, kind) for kind in ("cosine", "euclidean")]
    monkeypatch.setattr("facerec.metrics.pooling.AT_ONCE", 7)
    monkeypatch.setattr("facerec.metrics.scores.PAIRS_AT_ONCE", 7)
    parts = pool_templates(members["embeddings"], members["images"], members["templates"], members["media"])
    torch.testing.assert_close(whole, parts, atol=1e-6, rtol=0.0)
    for kind, expected in zip(("cosine", "euclidean"), scores, strict=True):
        np.testing.assert_allclose(pair_scores(members["embeddings"], pairs, kind), expected, atol=1e-6)
    embeddings = members["embeddings"] / np.linalg.norm(members["embeddings"], axis=1, keepdims=True)
    np.testing.assert_allclose(scores[0], (embeddings[pairs[:, 0]] * embeddings[pairs[:, 1]]).sum(1), atol=1e-6)
    assert cosine_scores(members["embeddings"], np.empty((0, 2), dtype=np.int64)).shape == (0,)
