"""Each format is written as what its name says, and each failure has its reason."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from facerec.data import read_image
from facerec.preparation import ByCentre
from facerec.preparation.one_image import FolderWork, _file_bytes
from tests.conftest import face, save_face

FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "bmp": "BMP", "gif": "GIF", "webp": "WEBP", "tif": "TIFF"}


@pytest.mark.parametrize("suffix", [*FORMATS, "pgm", "ppm"])
def test_the_format_is_that_of_the_name(tmp_path, suffix):
    image = read_image(face(1, 1))
    (tmp_path / f"x.{suffix}").write_bytes(_file_bytes(image, f"a.b/x.{suffix.upper()}"))
    with Image.open(tmp_path / f"x.{suffix}") as written:
        assert written.format == FORMATS.get(suffix, "PPM")
        assert written.mode == {"pgm": "L", "gif": written.mode}.get(suffix, "RGB")
    difference = (read_image(tmp_path / f"x.{suffix}").float() - image.float()).abs().mean()
    assert difference < (2 if suffix in ("jpg", "jpeg", "webp") else 1e-6)


def test_colours_of_a_jpeg_are_not_averaged(tmp_path):
    image = torch.zeros(3, 16, 16, dtype=torch.uint8)
    image[0, :, ::2], image[2, :, 1::2] = 255, 255  # stripes of red and blue, one pixel wide
    (tmp_path / "x.jpg").write_bytes(_file_bytes(image, "x.jpg"))
    assert (read_image(tmp_path / "x.jpg").float() - image.float()).abs().mean() < 20


class Refuses(ByCentre):
    def align(self, name, image_3HW):
        raise ValueError("its points\n coincide")


def test_a_failure_has_a_reason_and_leaves_no_old_image(tmp_path):
    save_face(1, 1, tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_bytes(b"")
    names = ["a.png", "b.png", "c.png"]
    assert FolderWork(tmp_path / "in", tmp_path / "out", names, ByCentre("112x112"))[0] == ("a.png", "", 1, None, "")
    work = FolderWork(tmp_path / "in", tmp_path / "out", names, Refuses("112x112"))
    outcomes = [work[index] for index in range(len(work))]
    assert [outcome.problem for outcome in outcomes] == ["unusable points", "unreadable", "unreadable"]
    assert outcomes[0].reason == "its points coincide"  # in one line
    assert "it is empty" in outcomes[1].reason
    assert not list((tmp_path / "out").iterdir())


def test_an_aligned_file_bears_the_time_of_its_photograph(tmp_path):
    save_face(1, 1, tmp_path / "a.png")
    os.utime(tmp_path / "a.png", ns=(10**18, 10**18 + 5000))
    FolderWork(tmp_path, tmp_path / "out", ["a.png"], ByCentre("96x112"))[0]
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == 10**18 + 5000
    assert np.asarray(Image.open(tmp_path / "out" / "a.png")).shape == (112, 96, 3)
