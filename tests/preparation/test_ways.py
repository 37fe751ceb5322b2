"""What each way aligns by, when it would note other points, and that it travels to other processes."""

import pickle

import numpy as np
import pytest
import torch

from facerec.align import TEMPLATES, align_face, center_crop
from facerec.data import read_image
from facerec.data.formats.landmarks import landmark_line
from facerec.preparation import ByCentre, ByDetector, ByLandmarks
from facerec.preparation.ways import NotListedError
from tests.conftest import face

POINTS = np.array([(29, 47), (61, 47), (45, 68), (32, 85), (58, 85)], dtype=float)


def by_landmarks(tmp_path, points=POINTS, template="112x112"):
    (tmp_path / "points.txt").write_text(landmark_line("a.png", points.tolist()))
    return ByLandmarks(str(tmp_path / "points.txt"), str(tmp_path), template, detector="mtcnn")


def test_by_landmarks(tmp_path):
    image, way = read_image(face(1, 1)), by_landmarks(tmp_path, template="96x112")
    aligned = way.align("a.png", image)
    assert torch.equal(aligned.image, align_face(image, POINTS, TEMPLATES["96x112"]))
    assert (aligned.points == POINTS).all()
    assert aligned.faces == 1
    assert (way.alignment.detector, way.alignment.template) == ("mtcnn", "96x112")
    with pytest.raises(NotListedError, match="not listed in .*points.txt"):
        way.align("b.png", image)


def test_noted_points_stand_while_the_list_has_them(tmp_path):
    way, line = by_landmarks(tmp_path), landmark_line("a.png", POINTS.tolist())
    assert way.stands("a.png", line)
    assert not way.stands("a.png", "")
    assert not way.stands("b.png", line)
    assert not by_landmarks(tmp_path, POINTS + 0.25).stands("a.png", line)


def test_by_the_centre():
    image, way = read_image(face(1, 1)), ByCentre("96x112", 0.5)
    aligned = way.align("a.png", image)
    assert torch.equal(aligned.image, center_crop(image, TEMPLATES["96x112"], 0.5))
    assert (aligned.points, aligned.faces) == (None, 1)
    assert str(way.alignment) == "center_crop (fraction 0.5) to 96x112"
    assert way.stands("a.png", "")


@pytest.mark.parametrize("fraction", [0.0, -1.0, 1.01, float("nan")])
def test_a_fraction_that_cannot_be(fraction):
    with pytest.raises(ValueError, match=r"ByCentre fraction=.*: must be in \(0, 1\]"):
        ByCentre("112x112", fraction)


def test_by_a_detector():
    pytest.importorskip("yuface")
    image, way = read_image(face(3, 1)), ByDetector("yunet", "112x112")
    aligned = way.align("a.png", image)
    again = pickle.loads(pickle.dumps(way))  # with its network loaded
    assert torch.equal(again.align("a.png", image).image, aligned.image)
    assert torch.equal(aligned.image, align_face(image, aligned.points, TEMPLATES["112x112"]))
    assert again.alignment == way.alignment
    assert (way.stands("a.png", "a.png\t1"), way.stands("a.png", "")) == (True, False)


def test_a_detector_goes_to_another_process_without_its_network():
    pytest.importorskip("yuface")
    way = ByDetector("yunet", "112x112", face="central", min_score=0.7)
    assert way.alignment.face == "central"
    assert len(pickle.dumps(way)) < 200
