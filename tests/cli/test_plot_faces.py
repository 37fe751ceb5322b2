"""`facerec plot faces` with a detector that the test stands in for, and with the real one where it is installed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from facerec.align import TEMPLATES, Detections, aligner
from facerec.cli import plot_faces
from facerec.data.images import read_image
from tests.align.test_detectors import needs_yuface
from tests.cli.conftest import assert_refused, run
from tests.cli.test_plot import assert_figure
from tests.conftest import save_face


class TwoFaces:
    """Finds a small and a large face in an image that is not black."""

    version, min_score = "1", 0.5

    def detect(self, image_3HW):
        if not image_3HW.any():
            return Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, 5, 2))
        boxes = torch.tensor([[5.0, 5.0, 25.0, 25.0], [30.0, 30.0, 80.0, 90.0]])
        points = torch.from_numpy(TEMPLATES["112x112"].points_52 / 112).float()
        places = [points * (box[2:] - box[:2]) + box[:2] for box in boxes]
        return Detections(boxes, torch.tensor([0.9, 0.8]), torch.stack(places))


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    monkeypatch.setattr(aligner, "make_detector", lambda name, min_score, model: TwoFaces())
    monkeypatch.chdir(tmp_path)
    save_face(3, 1, tmp_path / "photos" / "a.png")
    return tmp_path / "photos"


def test_photographs_are_drawn_and_bad_ones_are_told(photographs, capsys):
    (photographs / "broken.png").write_text("no image")
    from PIL import Image

    Image.new("RGB", (90, 100)).save(photographs / "night.png")
    assert run("plot", "faces", photographs) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["plots/faces_a_night.png", "plots/faces_a_night.svg"]
    assert "broken.png does not decode" in captured.err
    assert "no face in" in captured.err
    assert "2 of 3 images could not be used" in captured.err
    for path in Path("plots").iterdir():
        assert_figure(path)


def test_faces_are_those_of_the_detector_and_aligned_to_the_template(photographs, monkeypatch):
    seen = []
    monkeypatch.setattr(plot_faces, "faces_figure", lambda *values: seen.append(values))
    monkeypatch.setattr("facerec.cli.plot.write_figure", lambda *values: None)
    assert run("plot", "faces", photographs / "a.png", "--template", "96x112") == 0
    [([photograph], template, how, title)] = seen
    assert photograph.taken == 1, "the largest"
    assert title == "Faces and their alignment"
    assert "to 96x112" in how
    assert torch.equal(photograph.image, read_image(photographs / "a.png"))
    np.testing.assert_allclose(template, TEMPLATES["96x112"].points_52)
    large = photograph.faces[1]
    assert large.aligned_3hw.shape == (3, 112, 96)
    np.testing.assert_array_equal(large.box_4, [30, 30, 80, 90])
    expected = aligner.Aligner("yunet", "96x112")(photograph.image)
    assert torch.equal(large.aligned_3hw, expected)
    assert np.abs(large.moved_52 - template).max() < 8, "the points come near the template"


def test_the_same_command_gives_the_same_bytes(photographs):
    written = []
    for _ in range(2):
        assert run("plot", "faces", photographs, "-o", "figure.svg") == 0
        written.append(Path("figure.svg").read_bytes())
    assert written[0] == written[1]


@needs_yuface
def test_the_real_detector_finds_a_real_face(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_face(3, 1, tmp_path / "a.png")
    assert run("plot", "faces", "a.png", "--format", "png") == 0
    assert_figure(Path("plots/faces_a.png"))
    assert_refused("none of 1 photographs can be read: no image at b.png", capsys, "plot", "faces", "b.png")


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("faces needs IMAGE: facerec plot faces PHOTOGRAPH.jpg", []),
        ("--detector is of no use for margins: leave it out", None),
        ("needs the file of a YuNet network", ["a.png", "--detector", "opencv"]),
        ("--device is of no use for faces", ["a.png", "--device", "cpu"]),
        ("photographs=13: must be in [1, 12]", ["a.png"] * 13),
        ("no images in empty", ["empty"]),
    ],
)
def test_what_cannot_be_drawn_is_named(message, arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    words = ["margins", "--detector", "yunet"] if arguments is None else ["faces", *arguments]
    assert_refused(message, capsys, "plot", *words)
