"""Every form of image that an Embedder takes, and what it says of those it does not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facerec.data.images import read_image
from facerec.inference import Embedder
from facerec.inference.pixels import to_pixels
from facerec.transforms.preprocess import resize
from tests.conftest import save_face
from tests.inference.networks import SIZE, small_recognizer

HEIGHT, WIDTH = 50, 41


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(small_recognizer())


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.randint(0, 256, (3, HEIGHT, WIDTH), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


def channels_last(image: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(image.numpy().transpose(1, 2, 0))


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.setflags(write=False)
    return array


FORMS = {
    "tensor (3, H, W)": lambda image: image,
    "tensor (H, W, 3)": lambda image: image.permute(1, 2, 0),
    "tensor (1, 3, H, W)": lambda image: image[None],
    "array (3, H, W)": lambda image: image.numpy(),
    "array (H, W, 3)": channels_last,
    "array (1, H, W, 3)": lambda image: channels_last(image)[None],
    "array, BGR turned by hand": lambda image: channels_last(image)[..., ::-1].copy()[..., ::-1],
    "array that may not be written": lambda image: read_only(channels_last(image)),
    "array of big-endian floats": lambda image: (channels_last(image) / 255.0).astype(">f8"),
    "Pillow image": lambda image: Image.fromarray(channels_last(image)),
    "float tensor": lambda image: image / 255.0,
    "float64 array": lambda image: channels_last(image) / 255.0,
    "half tensor": lambda image: (image / 255.0).half(),
}


@pytest.mark.parametrize("form", FORMS)
def test_one_image_in_every_form_has_one_embedding(form, embedder, image, recwarn) -> None:
    expected = embedder(image[None])
    given = FORMS[form](image)
    for images in (given, [given], (given,)):
        embedding = embedder(images)
        assert embedding.shape == (1, 16)
        assert embedding.dtype == torch.float32
        tolerance = 1e-2 if "float" in form or "half" in form else 1e-5  # resizing rounds uint8, not floats
        torch.testing.assert_close(embedding, expected, rtol=tolerance, atol=tolerance)
    assert [str(warning.message) for warning in recwarn] == []


def test_a_file_is_read_as_every_command_reads_it(embedder, tmp_path) -> None:
    path = tmp_path / "face.jpg"
    save_face(1, 1, path)
    expected = embedder(read_image(path)[None])
    for named in (path, str(path), [path], [str(path)]):
        assert torch.equal(embedder(named), expected)
    torch.testing.assert_close(embedder(Image.open(path)), expected, rtol=1e-4, atol=1e-4)


def test_a_list_takes_all_forms_and_sizes(embedder, image, tmp_path) -> None:
    path = tmp_path / "face.png"
    save_face(1, 1, path)
    wide = torch.randint(0, 256, (2, 3, 40, 64), dtype=torch.uint8)
    together = embedder([path, image, channels_last(image), wide, Image.fromarray(channels_last(image))])
    apart = torch.cat([embedder(path), embedder(image), embedder(image), embedder(wide), embedder(image)])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)


def test_a_list_of_bytes_and_floats_is_one_batch_of_floats(image) -> None:
    pixels = to_pixels([image, image / 255.0], (HEIGHT, WIDTH))
    assert pixels.dtype == torch.float32
    torch.testing.assert_close(pixels[0], pixels[1])
    assert to_pixels([image, image], (HEIGHT, WIDTH)).dtype == torch.uint8


def test_a_batch_keeps_its_size_and_a_list_is_resized(image) -> None:
    assert to_pixels(image, (20, 20)).shape == (1, 3, HEIGHT, WIDTH)
    assert torch.equal(to_pixels([image], (20, 20)), resize(image[None], (20, 20)))
    batch = torch.stack([image, image])
    assert to_pixels(batch, (20, 20)) is not None
    assert to_pixels(batch, (20, 20)).data_ptr() == batch.data_ptr()  # what commands give costs no copy


GREYS = {
    "array (H, W)": lambda grey: grey,
    "array (1, H, W)": lambda grey: grey[None],
    "array (H, W, 1)": lambda grey: grey[..., None],
    "tensor (H, W)": torch.from_numpy,
    "Pillow image": Image.fromarray,
    "float array": lambda grey: grey / 255.0,
    "16-bit Pillow image": lambda grey: Image.fromarray(grey.astype(np.uint16) * 257),
}


@pytest.mark.parametrize("form", GREYS)
def test_grey_becomes_rgb_as_in_files(form, embedder, tmp_path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    tolerance = 1e-2 if "float" in form else 1e-5
    torch.testing.assert_close(
        embedder(GREYS[form](grey)), embedder(tmp_path / "grey.png"), rtol=tolerance, atol=tolerance
    )


def test_pillow_images_are_turned_upright_and_lose_their_transparency(image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    lying = Image.fromarray(channels_last(image))
    lying.info["exif"] = exif.tobytes()
    assert to_pixels(lying, SIZE).shape == (1, 3, WIDTH, HEIGHT)
    transparent = Image.fromarray(channels_last(image))
    transparent.putalpha(7)
    assert torch.equal(to_pixels(transparent, SIZE)[0], image)


def truncated(folder: Path) -> Image.Image:
    save_face(1, 1, folder / "whole.jpg")
    (folder / "half.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:800])
    return Image.open(folder / "half.jpg")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 112, 3), np.uint8), r"shape \(3, 112, 3\) is ambiguous: its channels may come first or last"),
        (torch.zeros(2, 3, 112, 3, dtype=torch.uint8), r"shape \(2, 3, 112, 3\) is ambiguous"),
        (np.zeros((1, 112, 3), np.uint8), "is ambiguous"),
        (np.zeros((112, 112, 4), np.uint8), r"shape \(112, 112, 4\): give \(H, W, 3\)"),
        (np.zeros((400, 64, 64), np.uint8), r"shape \(400, 64, 64\): give"),
        (torch.zeros(5, dtype=torch.uint8), r"shape \(5,\): give"),
        (torch.zeros(1, 1, 3, 8, 8, dtype=torch.uint8), r"shape \(1, 1, 3, 8, 8\): give"),
        (torch.zeros(3, 8, 8) - 0.5, r"float pixels from -0.5 to -0.5: give floats in \[0, 1\], or uint8"),
        (torch.full((3, 8, 8), 255.0), r"float pixels from 255 to 255: give floats in \[0, 1\]"),
        (torch.full((3, 8, 8), float("nan")), "float pixels from nan to nan"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), "pixels of type int64: give uint8"),
        (torch.zeros(3, 8, 8, dtype=torch.bool), "pixels of type bool: give uint8"),
        (np.zeros((8, 8, 3), np.uint16), "pixels of type uint16: give uint8"),
        (np.array(["face.jpg"]), "pixels of type <U8: give uint8"),
        (np.zeros((8, 8, 3), object), "pixels of type object: give uint8"),
        (torch.zeros(0, 3, 8, 8, dtype=torch.uint8), r"shape \(0, 3, 8, 8\) is empty"),
        (np.zeros((0, 8, 3), np.uint8), "is empty"),
        ([], "an empty list of images: give at least one"),
        ((), "an empty list of images"),
        (None, "an image given as NoneType: give a path, a Pillow image, an array or a tensor"),
        (b"bytes", "an image given as bytes"),
        ({"image": 1}, "an image given as dict"),
        ([torch.zeros(3, 8, 8), [0.5]], r"images\[1\]: an image given as list"),
        ([torch.zeros(3, 8, 8), torch.ones(3, 8, 8) * 2], r"images\[1\]: float pixels from 2 to 2"),
        (Image.new("F", (8, 8)), "a Pillow image of mode F does not decode: 32-bit pixels have no known range"),
    ],
)
def test_what_cannot_be_embedded_is_said(images, message, embedder) -> None:
    with pytest.raises(ValueError, match=message):
        embedder(images)


def test_files_that_cannot_be_embedded_are_named(embedder, tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no image at .*none\.jpg"):
        embedder(tmp_path / "none.jpg")
    with pytest.raises(FileNotFoundError, match=r"no image at .*none\.jpg"):
        embedder([torch.zeros(3, 8, 8), tmp_path / "none.jpg"])
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.jpg does not decode"):
        embedder(str(tmp_path / "text.jpg"))
    with pytest.raises(ValueError, match="cannot be read"):
        embedder(tmp_path)
    with pytest.raises(ValueError, match="a Pillow image of mode RGB does not decode"):
        embedder(truncated(tmp_path))
