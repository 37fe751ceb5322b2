"""The quick way for ordinary JPEGs gives Pillow's pixels, and leaves everything else to Pillow."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from facerec.data import jpeg
from facerec.data.images import UnreadableImageError, decode_image, read_image
from facerec.data.jpeg import decode_ordinary_jpeg
from tests.conftest import face


def encode(mode="RGB", **settings):
    """A JPEG with colours, of an odd size."""
    pixels = np.array(Image.open(face(1, 1)).crop((0, 0, 75, 101)))
    image = Image.merge("RGB", [Image.fromarray(np.roll(pixels, shift, 0)) for shift in (0, 20, 50)])
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, "JPEG", **settings)
    return buffer.getvalue()


def by_pillow(data):
    return np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")).transpose(2, 0, 1)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("settings", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 20, "optimize": True}])
def test_same_pixels_as_pillow(mode, settings):
    data = encode(mode, **settings)
    pixels = decode_ordinary_jpeg(data)
    assert pixels.dtype == torch.uint8
    difference = np.abs(pixels.numpy().astype(int) - by_pillow(data))
    assert difference.max() <= 3  # another libjpeg may round otherwise; here it is 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(exif=exif)
    pixels = decode_ordinary_jpeg(data)
    assert pixels.shape == by_pillow(data).shape
    assert np.abs(pixels.numpy().astype(int) - by_pillow(data)).max() <= 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"<html>404</html>",
        encode()[:-50],
        encode()[:300],
        encode("CMYK"),
        b"\xff\xd8\xff\xe0\x00\x00" * 20,  # segments of length 0
        b"\xff\xd8" + b"\xff" * 50,
    ],
)
def test_the_rest_is_left_to_pillow(data):
    assert decode_ordinary_jpeg(data) is None


def test_a_header_of_a_huge_image_is_not_decoded():
    data = bytearray(encode())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = (20_000).to_bytes(2, "big") * 2
    assert decode_ordinary_jpeg(bytes(data)) is None
    with pytest.raises(UnreadableImageError, match="face.jpg does not decode"):
        decode_image(bytes(data), "face.jpg")


def test_without_the_decoder_of_torchvision_nothing_changes(tmp_path, monkeypatch):
    (tmp_path / "named_wrongly.png").write_bytes(encode())
    quick = read_image(tmp_path / "named_wrongly.png")
    monkeypatch.setattr(jpeg, "_DECODE", None)
    assert (read_image(tmp_path / "named_wrongly.png").int() - quick.int()).abs().max() <= 3


def test_cmyk_and_truncated_have_the_outcome_they_had(tmp_path):
    assert np.array_equal(decode_image(encode("CMYK"), "x").numpy(), by_pillow(encode("CMYK")))
    with pytest.raises(UnreadableImageError, match="x does not decode"):
        decode_image(encode()[:-50], "x")


def test_exif_behind_xmp_is_undone():
    """torchvision looks for the orientation in the first APP1 segment alone."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(exif=exif)
    xmp = b"http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta/>"
    data = data[:2] + b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp + data[2:]
    assert by_pillow(data).shape == (3, 75, 101)
    assert np.abs(decode_image(data, "x").numpy().astype(int) - by_pillow(data)).max() <= 3
