"""The file of a pack: its header, and a pack written by hand."""

import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from facerec.data import PackedImages
from facerec.data.formats.pack_file import MAGIC, PREFIX, VERSION, Header, Pack, read_header

PIXELS = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
NAMES = [b"ann/1.png", b"bob/2.png"]


@pytest.fixture
def path(tmp_path):
    """A pack of two images, as the description of the file says, without the code that writes packs."""
    ends = np.cumsum([len(name) for name in NAMES])
    checksums = np.array([zlib.crc32(image.tobytes()) for image in PIXELS], dtype="<u4")
    labels = np.array([0, 1], dtype="<i8")
    index = labels.tobytes() + ends.astype("<i8").tobytes() + checksums.tobytes() + b"".join(NAMES)
    header = Header(2, 4, 5, ["ann", "bob"], 1024, len(index), hashlib.sha256(index).hexdigest())
    content = header.to_bytes().ljust(1024, b"\0") + PIXELS.tobytes()
    (tmp_path / "faces.pack").write_bytes(content.ljust(header.index_at, b"\0") + index)
    return str(tmp_path / "faces.pack")


def test_the_header_comes_back_as_written(path):
    with open(path, "rb") as file:
        header = read_header(file, path)
    assert (header.images, header.height, header.width, header.identities) == (2, 4, 5, ["ann", "bob"])
    assert header.index_at % 8 == 0


def test_images_names_and_labels(path):
    pack = Pack(path)
    np.testing.assert_array_equal(pack.read(1).numpy(), PIXELS[1])
    np.testing.assert_array_equal(pack.read_batch(np.array([1, 0, 1]), (4, 5)).numpy(), PIXELS[[1, 0, 1]])
    assert pack.labels.tolist() == [0, 1]
    assert pack.name(1) == f"{path}:bob/2.png"
    assert pack.folders() == ["ann", "bob"]
    assert pack.alignment is None
    pack.verify()


def test_what_is_no_pack_is_refused(tmp_path):
    (tmp_path / "face.png").write_bytes(b"\x89PNG" + bytes(100))
    with pytest.raises(ValueError, match=r"face.png is not a pack of images: make one with 'facerec pack SRC"):
        _ = Pack(str(tmp_path / "face.png")).header


def foreign(path, text: bytes) -> None:
    """Give a pack another header, with the checksum that it should have."""
    content = path.read_bytes()
    start = PREFIX.pack(MAGIC, VERSION, len(text)) + text
    path.write_bytes(start + hashlib.sha256(start).digest() + content[len(start) + 32 :])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (b"[1, 2]", "is not a pack of `facerec pack`"),
        (b"3", "is not a pack of `facerec pack`"),
        (b"{", "the header of .* is not JSON"),
        (b"\xff\xfe", "the header of .* is not JSON"),
        (b"[" * 100_000, "the header of .* is not JSON: it is nested too deeply"),
        ({"colour": 1}, "unexpected keyword argument 'colour'"),
        ({"images": "4"}, "its sizes are"),
        ({"images": -4}, "its sizes are"),
        ({"width": 1.5}, "its sizes are"),
        ({"identities": 3}, "is not a pack of `facerec pack`"),
        ({"identities": [3]}, "its identities are no names"),
        ({"alignment": [1]}, "is not a pack of `facerec pack`"),
        ({"alignment": {"x": 1}}, "is not a pack of `facerec pack`"),
        ({"images": 10**30}, "truncated"),
    ],
)
def test_the_header_of_another_program_is_refused(change, message, packed):
    path = Path(packed)
    if isinstance(change, dict):
        with path.open("rb") as file:
            change = json.dumps(read_header(file, packed)._asdict() | change).encode()
    foreign(path, change)
    with pytest.raises(ValueError, match=message):
        PackedImages(packed).check()
