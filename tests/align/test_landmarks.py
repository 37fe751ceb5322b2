"""Templates as published, and the similarity transform against scikit-image's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform

from facerec.align import TEMPLATES, find_template, similarity_transform
from facerec.align.landmarks import check_left_and_right

INSIGHTFACE = [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
coordinates = st.floats(-500, 500).map(lambda value: round(value, 2))


def reference(source, target):
    if hasattr(SimilarityTransform, "from_estimate"):
        return SimilarityTransform.from_estimate(source, target).params[:2]
    transform = SimilarityTransform()
    transform.estimate(source, target)
    return transform.params[:2]


def test_templates_are_the_published_points():
    wide, narrow = find_template("112x112"), find_template("96x112")
    np.testing.assert_allclose(wide.points_52, INSIGHTFACE)
    np.testing.assert_allclose(narrow.points_52[1], (65.5318, 51.5014))
    assert (wide.width, wide.height, narrow.width, narrow.height) == (112, 112, 96, 112)
    with pytest.raises(ValueError, match=r"template='112x96': choose one of 112x112, 96x112 \(width x height\)"):
        find_template("112x96")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=5, max_size=5), st.sampled_from(list(TEMPLATES)))
def test_similarity_is_that_of_scikit_image(points, template):
    source = np.array(points)
    target = TEMPLATES[template].points_52
    if min(np.linalg.svd(source - source.mean(axis=0))[1]) < 1e-3:
        return  # on one line: the reference refuses or loses digits
    np.testing.assert_allclose(similarity_transform(source, target), reference(source, target), rtol=1e-6, atol=1e-6)


def test_a_mirrored_face_is_not_reflected():
    target = TEMPLATES["112x112"].points_52
    matrix = similarity_transform(target * [-1, 1], target)
    assert np.linalg.det(matrix[:, :2]) > 0
    np.testing.assert_allclose(matrix, reference(target * [-1, 1], target), atol=1e-9)


def test_two_points_are_met_exactly():
    matrix = similarity_transform([(0, 0), (2, 0)], [(5, 5), (5, 9)])
    np.testing.assert_allclose(matrix, [[0, -2, 5], [2, 0, 5]], atol=1e-12)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.ones((5, 2)), "the points coincide"),
        (np.full((5, 2), np.nan), "not a finite number"),
        (np.ones((4, 2)), r"\(4, 2\) to \(5, 2\)"),
        (np.ones((5, 3)), r"must be \(N, 2\)"),
    ],
)
def test_points_that_fix_no_transform(source, message):
    with pytest.raises(ValueError, match=message):
        similarity_transform(source, TEMPLATES["112x112"].points_52)


def test_left_and_right_are_the_viewers():
    faces = np.stack([TEMPLATES["112x112"].points_52] * 3)
    faces[0] = faces[0, [1, 0, 2, 4, 3]]  # one face on its head may be true
    check_left_and_right(faces, "list")
    faces[1] = faces[0]
    with pytest.raises(ValueError, match="list: in 2 of 3 faces the left eye is to the right"):
        check_left_and_right(faces, "list")
