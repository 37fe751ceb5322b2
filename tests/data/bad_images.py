"""Image files and folders as they should not be."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from facerec.data import FolderImages
from tests.data.cases import ERROR, SKIP, WORKS, Cases, encoded, holds, picture, shows

images = Cases()


def beside(folder: Path, name: str = "z.jpg") -> tuple[Path, FolderImages]:
    """Path of a file to make beside a good one, sorted behind it, and the source of both."""
    person = folder / "faces" / "person"
    person.mkdir(parents=True)
    picture(1).save(person / "a.png")
    return person / name, FolderImages(str(folder / "faces"))


def content(name: str, case: str, outcome: str, expected: object, data: bytes) -> None:
    """A case that is a file of these bytes."""

    @images(case, outcome, expected)
    def make(folder: Path) -> FolderImages:
        path, source = beside(folder, name)
        path.write_bytes(data)
        return source


def saved(name: str, case: str, expected: object, image: Image.Image, **settings: object) -> None:
    """A case that works: an image as Pillow saves it."""

    @images(case, WORKS, expected)
    def make(folder: Path) -> FolderImages:
        path, source = beside(folder, name)
        image.save(path, **settings)
        return source


def same_as(image: Image.Image):
    """Whether the last image of a source is this one in RGB."""
    return lambda source: np.array_equal(
        source.read(len(source) - 1).numpy(), np.array(image.convert("RGB")).transpose(2, 0, 1)
    )


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG whose frame header was made to say it is so large."""
    data = bytearray(encoded(suffix=".jpg"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(data)


BROKEN = r"z\.\w+ does not decode as an image"
content("z.jpg", "zero-byte image", SKIP, BROKEN + ": it is empty", b"")
content("z.jpg", "truncated JPEG", SKIP, BROKEN, encoded(suffix=".jpg")[:-60])
content("z.png", "truncated PNG", SKIP, BROKEN, encoded()[:-40])
content("z.jpg", "HTML named .jpg", SKIP, BROKEN, b"<html><body>404 Not Found</body></html>")
content("z.jpg", "text file named .jpg", SKIP, BROKEN, b"see attachment\n")
content("z.jpg", "PNG named .jpg", WORKS, shows(5), encoded(5))
content("z.png", "PNG of 20000x20000 in its header", SKIP, BROKEN + ".*pixels", png_header(20000, 20000))
content("z.png", "PNG of 10000x10000 in its header", SKIP, BROKEN + ".*10000x10000 pixels", png_header(10000, 10000))
content("z.png", "PNG of 1x40000 in its header", SKIP, BROKEN + ".*on a side", png_header(1, 40000))
content("z.jpg", "JPEG of 20000x20000 in its header", SKIP, BROKEN + ".*pixels", jpeg_header(20000, 20000))
content("z.pgm", "PGM of 0x0", SKIP, BROKEN, b"P5\n0 0\n255\n")

DEEP = (np.arange(48, dtype=np.uint16) * 1300).reshape(6, 8)
SHALLOW = Image.fromarray((DEEP >> 8).astype(np.uint8))
saved("z.png", "16-bit gray PNG", same_as(SHALLOW), Image.fromarray(DEEP))
content("z.pgm", "16-bit PGM", WORKS, same_as(SHALLOW), b"P5\n8 6\n65535\n" + DEEP.astype(">u2").tobytes())
saved("z.png", "gray image", same_as(picture(3).convert("L")), picture(3).convert("L"))
saved("z.png", "gray image with transparency", same_as(picture(3).convert("L")), picture(3).convert("LA"))
saved("z.png", "RGBA image", same_as(picture(3)), picture(3).convert("RGBA"))
saved("z.png", "palette image", same_as(picture(3).quantize(8)), picture(3).quantize(8))
saved(
    "z.png", "palette image with transparency", same_as(picture(3).quantize(8)), picture(3).quantize(8), transparency=0
)
saved("z.png", "black and white image", same_as(picture(3).convert("1")), picture(3).convert("1"))
saved("z.tiff", "CMYK image", same_as(picture(3).convert("CMYK")), picture(3).convert("CMYK"))
saved("z.png", "1x1 image", same_as(Image.new("RGB", (1, 1), (9, 8, 7))), Image.new("RGB", (1, 1), (9, 8, 7)))
FRAMES = {"save_all": True, "append_images": [picture(90).quantize(8)]}
saved("z.gif", "animated GIF", same_as(picture(3).quantize(8)), picture(3).quantize(8), **FRAMES)
saved("z.tiff", "TIFF of several pages", same_as(picture(3)), picture(3), save_all=True, append_images=[picture(90)])
EXIF = Image.Exif()
EXIF[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
saved("z.png", "EXIF-rotated image", same_as(picture(3).rotate(-90, expand=True)), picture(3), exif=EXIF)


@images("TIFF of 32-bit floats", SKIP, BROKEN + ".*32-bit pixels have no known range")
def float_tiff(folder):
    path, source = beside(folder, "z.tiff")
    Image.fromarray(DEEP.astype(np.float32)).save(path)
    return source


for _case, _name in (
    ("image name with spaces", "z b  c.png"),
    ("image name in Unicode", "zoë_人.png"),
    ("image name with a newline", "z\nb.png"),
    ("image name that is not UTF-8", os.fsdecode(b"z\xff.png")),
    ("image name in capitals", "z.PNG"),
):
    content(_name, _case, WORKS, shows(5), encoded(5))
for _case, _name in (
    ("macOS companion file ._x.jpg", "._z.jpg"),
    ("notes beside the images", "z.txt"),
):
    content(_name, _case, WORKS, holds(1), b"not an image")


@images("symlink loop", SKIP, r"z.jpg cannot be read: Too many levels of symbolic links")
def symlink_loop(folder):
    path, source = beside(folder)
    path.symlink_to(path)
    return source


@images("symlink to an image", WORKS, shows(1))
def symlink(folder):
    path, source = beside(folder)
    path.symlink_to("a.png")
    return source


@images("symlink to nothing", ERROR, r"no image at .*z.jpg")
def dangling_symlink(folder):
    path, source = beside(folder)
    path.symlink_to("none.jpg")
    return source


@images("symlink to nothing in the place of a person", ERROR, r"other is a link that leads nowhere")
def dangling_person(folder):
    path, source = beside(folder)
    path.parent.with_name("other").symlink_to("none")
    return source


@images("image without permission to read", SKIP, r"z.jpg cannot be read: Permission denied")
def forbidden(folder):
    path, source = beside(folder)
    picture(1).save(path)
    path.chmod(0)
    return source


@images("folder named like an image", WORKS, holds(1))
def folder_named_image(folder):
    path, source = beside(folder)
    path.mkdir()
    return source


@images("pipe named like an image", WORKS, holds(1))
def pipe(folder):
    path, source = beside(folder)
    os.mkfifo(path)
    return source


@images("person without images", ERROR, r"faces/other holds no images")
def empty_person(folder):
    path, source = beside(folder)
    path.parent.with_name("other").mkdir()
    return source


@images("folder without people", ERROR, r"faces holds no folders: expected one folder of images for each person")
def no_people(folder):
    (folder / "faces").mkdir()
    picture(1).save(folder / "faces" / "a.png")
    return FolderImages(str(folder / "faces"))


@images("folder that is not there", ERROR, r"no folder .*none")
def no_folder(folder):
    return FolderImages(str(folder / "none"))
