"""XQLFW: the list and the folders of images as distributed."""

import numpy as np
import pytest

from facerec.data import LandmarkPairs, XQLFWPairs
from tests.data.cases import encoded
from tests.data.formats.test_lfw import PEOPLE, view_2


@pytest.fixture
def xqlfw(tmp_path):
    for folder, start in (("xqlfw_aligned_112", 0), ("lfw_original_imgs_min_qual0.85variant11", 60)):
        for person, name in enumerate(PEOPLE):
            (tmp_path / folder / name).mkdir(parents=True)
            for number in (1, 2, 3):
                (tmp_path / folder / name / f"{name}_{number:04d}.jpg").write_bytes(
                    encoded(start + 10 * person + number)
                )
    (tmp_path / "xqlfw_pairs.txt").write_text(view_2(10, 30))
    return tmp_path


def test_ten_folds_of_aligned_images(xqlfw):
    source = XQLFWPairs(str(xqlfw))
    source.check()
    np.testing.assert_array_equal(source.folds, np.repeat(np.arange(10), 60))
    assert source.people == frozenset(PEOPLE)
    assert "xqlfw_aligned_112" in source.name(0)


def test_its_file_of_qualities_is_found_beside_the_list(xqlfw):
    assert XQLFWPairs(str(xqlfw)).qualities is None
    (xqlfw / "xqlfw_scores.txt").write_text("ID Num Score\n")
    source = XQLFWPairs(str(xqlfw))
    assert source.qualities == str(xqlfw / "xqlfw_scores.txt")
    assert LandmarkPairs(source, source.images, "points.txt").qualities == source.qualities


def test_unaligned_images_where_there_are_no_others_or_by_name(xqlfw):
    original = xqlfw / "lfw_original_imgs_min_qual0.85variant11"
    assert "variant11" in XQLFWPairs(str(xqlfw), images=str(original)).name(0)
    (xqlfw / "xqlfw_aligned_112").rename(xqlfw / "elsewhere")
    assert "variant11" in XQLFWPairs(str(xqlfw)).name(0)
    original.rename(xqlfw / "nowhere")
    with pytest.raises(FileNotFoundError, match="no folder .*xqlfw_aligned_112"):
        XQLFWPairs(str(xqlfw)).check()
