"""Embeddings in the plane against scikit-learn."""

import sys

import numpy as np
import pytest
import torch.nn.functional as F

from facerec.plots import pca_figure, tsne_figure
from facerec.plots.projection import principal_components
from tests.plots.images import embedded, texts


def drawn(axes):
    return np.concatenate([np.asarray(points.get_offsets()) for points in axes.collections])


def test_components_are_those_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    vectors = np.random.default_rng(0).normal(size=(40, 6)) * [5, 3, 1, 1, 1, 1]
    found = principal_components(vectors)
    reference = decomposition.PCA(2).fit(vectors)
    np.testing.assert_allclose(np.abs(found.points), np.abs(reference.transform(vectors)), atol=1e-9)
    assert found.axes[0] == f"component 1, {reference.explained_variance_ratio_[0]:.0%} of the variance"


def test_every_network_gets_a_panel_of_the_same_people():
    sets = [embedded(people=4, seed=seed) for seed in (0, 1)]
    figure = pca_figure(sets, "two networks")
    assert len(figure.axes) == 2
    for axes, some in zip(figure.axes, sets, strict=True):
        np.testing.assert_allclose(
            drawn(axes), principal_components(F.normalize(some.embeddings.double()).numpy()).points
        )
        assert "n = 16 images of 4 people" in axes.get_title()
    assert texts(figure.legends[0]) == ["p0", "p1", "p2", "p3"]
    markers = {points.get_paths()[0].vertices.tobytes() for points in figure.axes[0].collections}
    assert len(markers) == 4
    figure.canvas.draw()


def test_tsne_is_scikit_learns_and_the_same_again():
    manifold = pytest.importorskip("sklearn.manifold")
    some = embedded(people=3, images=5)
    figure = tsne_figure([some], "x", seed=3)
    directions = F.normalize(some.embeddings.double()).numpy().astype(np.float32)
    reference = manifold.TSNE(perplexity=14 / 3, init="pca", random_state=3).fit_transform(directions)
    np.testing.assert_allclose(drawn(figure.axes[0]), reference, rtol=1e-5, atol=1e-5)
    assert figure.axes[0].get_xlabel() == "t-SNE, perplexity 4.67, seed 3"


def test_what_cannot_be_drawn_says_why(monkeypatch):
    with pytest.raises(ValueError, match="2 embeddings of 5 numbers: a plane of them needs three images"):
        pca_figure([embedded(people=2, images=1)], "x")
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ValueError, match=r'pip install "facerec\[plot\]"'):
        tsne_figure([embedded()], "x")
