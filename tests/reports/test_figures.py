"""All figures of an evaluation, and the pairs with the largest errors."""

import numpy as np
import pytest
import torch

from facerec.reports import ScoredSet, evaluation_figures, pairs_figure, summarise, worst_pairs
from facerec.reports.faces import CELL
from tests.reports.sets import embedded_people, five_pairs


class Grays:
    """Image i is of the gray value 40 i, up to image 6."""

    def read(self, index):
        return torch.full((3, 10, 10), 40 * index % 256, dtype=torch.uint8)

    def name(self, index):
        return f"{index}.png"


def test_worst_pairs_are_those_farthest_on_the_wrong_side():
    assert worst_pairs(five_pairs(), 0.5, genuine=False).tolist() == [2, 4]
    assert worst_pairs(five_pairs(), 0.5, genuine=False, count=1).tolist() == [2]
    assert worst_pairs(five_pairs(), 0.5, genuine=True).tolist() == [1]


def test_a_pair_is_shown_by_its_two_images():
    figure = pairs_figure(five_pairs(), Grays(), np.array([4]), "x")
    axes = figure.axes[0]
    grays_HW = axes.get_images()[0].get_array()[..., 0]
    left, right = (grays_HW[:, column][grays_HW[:, column] < 255] for column in (0, 2 * CELL - 1))
    assert set(left.tolist()) == {80}  # rows 2 and 3 are images 2 and 5
    assert set(right.tolist()) == {200}
    assert [text.get_text() for text in axes.texts] == ["0.600"]
    with pytest.raises(ValueError, match="give ScoredSet pairs"):
        pairs_figure(ScoredSet.from_arrays([1, 0], scores=[0.9, 0.1]), Grays(), np.array([0]), "x")


def test_the_figures_of_an_evaluation():
    scored = ScoredSet.from_arrays(**embedded_people(people=5))
    summary = summarise(scored, resamples=10)
    assert list(evaluation_figures(scored, summary, "x")) == ["roc", "det", "cmc"]
    with_images = evaluation_figures(scored, summary, "x", Grays())
    assert list(with_images) == ["roc", "det", "cmc", "false_accepts", "false_rejects"]
    assert with_images["false_accepts"].get_suptitle().startswith("x: worst false accepts at the EER threshold 0.")
