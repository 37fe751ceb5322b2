"""The geometry of MTCNN against the authors' loops, with their counting from 1, in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facerec.align.mtcnn_boxes import crops, pyramid, regressed, squared, suppress, windows


def reference_nms(boxes, scores, max_overlap, mode):
    """The loop of the course's text, pair by pair. Its boxes end with their last pixel: areas are (x2 - x1 + 1) ..."""
    left, kept = sorted(range(len(scores)), key=lambda index: (-scores[index], index)), []
    while left:
        best = left.pop(0)
        kept.append(best)
        still = []
        for other in left:
            x1, y1 = (max(boxes[best][axis], boxes[other][axis]) for axis in (0, 1))
            x2, y2 = (min(boxes[best][axis], boxes[other][axis]) for axis in (2, 3))
            shared = max(0.0, x2 - x1 + 1) * max(0.0, y2 - y1 + 1)
            areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (boxes[best], boxes[other])]
            whole = min(areas) if mode == "min" else sum(areas) - shared
            if shared / whole <= max_overlap:
                still.append(other)
        left = still
    return kept


@pytest.mark.parametrize("mode", ["union", "min"])
@given(st.integers(0, 40), st.sampled_from([0.0, 0.31, 0.53, 0.71, 1.0]), st.integers(0, 2**32))
def test_suppression_is_the_slow_loop(mode, count, max_overlap, seed):
    rng = np.random.default_rng(seed)
    low = rng.integers(1, 30, (count, 2))
    last = low + rng.integers(0, 25, (count, 2))
    scores = rng.permutation(count) / max(count, 1)
    counted_from_1 = np.hstack([low, last]).astype(float)
    edges = torch.from_numpy(np.hstack([low - 1, last])).double()
    kept = suppress(edges, torch.from_numpy(scores), max_overlap, mode)
    assert kept.dtype == torch.int64
    assert kept.tolist() == reference_nms(counted_from_1, scores, max_overlap, mode)


def test_a_box_inside_a_large_one_goes_by_min_alone():
    boxes, scores = torch.tensor([(0.0, 0, 100, 100), (40, 40, 50, 50)]), torch.tensor([0.8, 0.9])
    assert suppress(boxes, scores, 0.7).tolist() == [1, 0]
    assert suppress(boxes, scores, 0.7, "min").tolist() == [1]
    with pytest.raises(ValueError, match="overlap='max': choose one of union, min"):
        suppress(boxes, scores, 0.7, "max")


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(12, 60))
def test_the_pyramid_halves_the_area_down_to_one_cell(height, width, smallest):
    levels = pyramid(height, width, smallest)
    shorter = min(height, width) * 12 / smallest
    assert len(levels) == (0 if shorter < 12 else 1 + int(np.log(shorter / 12) / -np.log(0.709) + 1e-9))
    for number, level in enumerate(levels):
        scale = 12 / smallest * 0.709**number
        np.testing.assert_allclose(level, (height * scale, width * scale), atol=0.5001)
        assert min(level) >= 12
    assert pyramid(smallest, 3 * smallest, smallest) == [(12, 36)]


def test_windows_are_where_p_net_looks():
    """The authors: pixels stride * cell + 1 to stride * cell + 12 of the level, counted from 1."""
    cells = torch.tensor([(0, 0), (7, 3), (19, 0)])
    first, last = 2 * cells + 1, 2 * cells + 12
    np.testing.assert_array_equal(windows(cells, (50, 50), (50, 50)), torch.cat([first - 1, last], 1))
    larger = windows(cells, (50, 60), (100, 180))
    np.testing.assert_allclose(larger, torch.cat([first - 1, last], 1) * torch.tensor([3, 2, 3, 2]))


def test_regression_and_squares_as_the_authors_count():
    rng = np.random.default_rng(5)
    x1, y1 = rng.integers(1, 50, (2, 20)).astype(float)
    x2, y2 = x1 + rng.integers(5, 40, 20), y1 + rng.integers(5, 40, 20)
    shifts = rng.normal(0, 0.2, (20, 4))
    width, height = x2 - x1 + 1, y2 - y1 + 1
    moved = np.stack([x1, y1, x2, y2], 1) + shifts * np.stack([width, height, width, height], 1)
    edges = torch.from_numpy(np.stack([x1 - 1, y1 - 1, x2, y2], 1))
    ours = regressed(edges, torch.from_numpy(shifts))
    np.testing.assert_allclose(ours, moved - [1, 1, 0, 0], rtol=1e-12)
    squares = squared(edges).numpy()
    np.testing.assert_allclose(squares[:, 2:] - squares[:, :2], np.maximum(width, height)[:, None].repeat(2, 1))
    np.testing.assert_allclose(squares[:, :2] + squares[:, 2:], edges[:, :2] + edges[:, 2:])


@pytest.mark.parametrize("corner", [(3, 5), (-7, 5), (3, -9), (20, 18), (-6, -6), (-24, 0), (40, 40)])
def test_crops_are_black_where_the_image_ends(corner):
    """Against an image laid onto a black one, where each pixel of a crop is the mean of 2 x 2 of its pixels."""
    image = torch.rand(3, 30, 36, generator=torch.Generator().manual_seed(2)) + 1
    canvas = np.zeros((3, 130, 136))
    canvas[:, 50:80, 50:86] = image
    left, top = corner
    part = canvas[:, 50 + top : 74 + top, 50 + left : 74 + left]
    expected = part.reshape(3, 12, 2, 12, 2).mean((2, 4))
    cut = crops(image, torch.tensor([(left, top, left + 24, top + 24)]).float(), 12)
    assert cut.shape == (1, 3, 12, 12)
    np.testing.assert_allclose(cut[0], expected, atol=1e-5)


def test_no_boxes_give_no_crops():
    assert crops(torch.zeros(3, 20, 20), torch.empty(0, 4), 24).shape == (0, 3, 24, 24)
    assert squared(torch.empty(0, 4)).shape == regressed(torch.empty(0, 4), torch.empty(0, 4)).shape == (0, 4)
