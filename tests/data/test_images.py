import os

import numpy as np
import pytest
import torch
from PIL import Image

from facerec.data.images import (
    HEIF,
    MORE_SUFFIXES,
    UnreadableImageError,
    is_image,
    more_formats,
    read_image,
    rgb_pixels,
)
from tests.conftest import face


def test_pgm_is_what_pillow_reads():
    pixels = np.array(Image.open(face(1, 1)))
    ours = read_image(face(1, 1))
    assert ours.dtype == torch.uint8
    for channel in ours.numpy():
        np.testing.assert_array_equal(channel, pixels)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1", "LA"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("image.tiff" if mode == "CMYK" else "image.png")
    image = Image.open(face(2, 1)).convert("RGB").convert(mode)
    image.save(path)
    np.testing.assert_array_equal(read_image(path).numpy(), np.array(image.convert("RGB")).transpose(2, 0, 1))


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    pixels = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    Image.fromarray(pixels).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png")[0].numpy(), np.arange(256).reshape(16, 16))


def test_exif_orientation_is_undone(tmp_path):
    image = Image.open(face(3, 1)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    image.save(tmp_path / "turned.png", exif=exif)
    upright = np.array(image.rotate(-90, expand=True))
    np.testing.assert_array_equal(read_image(tmp_path / "turned.png").numpy(), upright.transpose(2, 0, 1))


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\xff\xd8\xff\xe0 truncated", None])
def test_what_does_not_decode_is_named(tmp_path, content):
    path = tmp_path / "broken.jpg"
    if content is None:  # a real image cut short
        Image.open(face(1, 1)).save(path)
        content = path.read_bytes()[:-300]
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match="broken.jpg does not decode"):
        read_image(path)


def test_missing_file_is_another_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no image at .*none.jpg"):
        read_image(tmp_path / "none.jpg")


def test_no_other_program_is_run_for_what_claims_to_be_a_photograph(tmp_path, monkeypatch):
    """Pillow gives EPS to Ghostscript, whatever the name of the file."""
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    path = tmp_path / "face.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n%%EOF\n")
    with pytest.raises(UnreadableImageError, match=r"face\.jpg does not decode as an image: unknown format"):
        read_image(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", [".mpo", ".avif", ".jp2", ".tif", ".pnm"])
def test_other_formats_of_pillow_are_read(tmp_path, suffix):
    if suffix in MORE_SUFFIXES and MORE_SUFFIXES[suffix] not in more_formats():
        pytest.skip("this Pillow was built without it")
    path = tmp_path / f"face{suffix}"
    image = Image.open(face(1, 1)).convert("RGB")
    image.save(path)
    assert is_image(path)
    error = read_image(path).numpy() - np.array(image, dtype=np.int16).transpose(2, 0, 1)
    assert np.abs(error).mean() < 5


def test_the_format_of_an_iphone_is_read_by_a_plugin_or_named(tmp_path):
    path = tmp_path / "face.heic"
    path.write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(100))
    said = "does not decode as an image" if HEIF in more_formats() else r"HEIC, .* pip install pillow-heif"
    with pytest.raises(UnreadableImageError, match=said):
        read_image(path)
    assert is_image(path) == (HEIF in more_formats())


def test_the_users_own_image_is_turned_in_a_copy():
    image = Image.open(face(3, 1)).convert("RGB")
    image.getexif()[0x0112] = 6
    assert rgb_pixels(image).shape == (3, 92, 112)
    assert image.size == (92, 112)
