"""Cosines of all images against the metric's, in the order of people."""

from dataclasses import replace
from itertools import product

import numpy as np

from facerec.metrics import cosine_scores
from facerec.plots import similarity_figure
from tests.plots.images import embedded


def test_shades_are_the_cosines_of_images_sorted_by_person():
    some = embedded(people=3, images=4)
    shuffled = np.random.default_rng(0).permutation(12)
    mixed = replace(some, embeddings=some.embeddings[shuffled], people=[some.people[place] for place in shuffled])
    figure = similarity_figure([some, mixed], "two orders")
    shades = [axes.images[0].get_array() for axes in figure.axes[:2]]
    pairs = np.array(list(product(range(12), repeat=2)))
    np.testing.assert_allclose(shades[0].ravel(), cosine_scores(some.embeddings, pairs), atol=1e-6)
    for rows, columns in product(range(3), repeat=2):  # the images of a person stand together, in any order
        block = np.s_[4 * rows : 4 * rows + 4, 4 * columns : 4 * columns + 4]
        np.testing.assert_allclose(np.sort(shades[0][block].ravel()), np.sort(shades[1][block].ravel()), atol=1e-12)
    figure.canvas.draw()


def test_names_stand_at_the_middle_of_their_images():
    axes = similarity_figure([embedded(people=3, images=4)], "x").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["p0", "p1", "p2"]
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist() == [1.5, 5.5, 9.5]
