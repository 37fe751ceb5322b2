"""Files of insightface and torchvision as they should not be."""

import gzip
import os
import pickle
import struct
from pathlib import Path

import numpy as np

from facerec.data import BinPairs, CIFAR10Images, MNISTImages, RecordImages, write_records
from facerec.data.formats.image_records import encode_entry
from facerec.data.formats.recordio import FIRST, LAST, LENGTH_BITS, MAGIC, RecordWriter
from tests.data.cases import ERROR, SKIP, WORKS, Cases, encoded, shows

files = Cases()


def records(folder: Path) -> RecordImages:
    """Two people with three images each, keys 1 to 3 and 4 to 6, as insightface has them."""
    write_records(folder, [encoded(value) for value in range(1, 7)], [0, 0, 0, 1, 1, 1], (6, 8))
    return RecordImages(str(folder))


def changed(case: str, outcome: str, expected: object):
    """A case that is these files, changed by the decorated function."""

    def add(change):
        @files(f".rec: {case}", outcome, expected)
        def make(folder: Path) -> RecordImages:
            source = records(folder)
            change(folder)
            return source

        return change

    return add


def index_lines(folder: Path) -> list[str]:
    return (folder / "train.idx").read_text().splitlines(keepends=True)


def offset(folder: Path, key: int) -> int:
    return int(index_lines(folder)[key].split()[1])


def overwrite(folder: Path, place: int, data: bytes) -> None:
    content = bytearray((folder / "train.rec").read_bytes())
    content[place : place + len(data)] = data
    (folder / "train.rec").write_bytes(content)


def index(case: str, expected: str, change) -> None:
    """A case that is an index whose lines are changed."""

    @changed(case, ERROR, expected)
    def edit(folder: Path) -> None:
        (folder / "train.idx").write_text("".join(change(index_lines(folder))))


def plain(case: str, outcome: str, expected: object, *labels: float | list[float]) -> None:
    """A case that is a file of im2rec, without insightface's records of people."""

    @files(f".rec: {case}", outcome, expected)
    def make(folder: Path) -> RecordImages:
        with (folder / "train.rec").open("wb") as file:
            writer = RecordWriter(file)
            for key, label in enumerate(labels):
                writer.write(key, encode_entry(label, key, encoded(key)))
        (folder / "train.idx").write_text("".join(writer.index))
        return RecordImages(str(folder))


index("empty index", r"train.idx is empty", lambda lines: [])
index("index with a missing column", r"train.idx:3: expected 'key <tab> offset'", lambda x: [*x[:2], "2\n", *x[3:]])
index(
    "index with a word", r"train.idx:2: expected 'key <tab> offset'", lambda lines: [lines[0], "one\t40\n", *lines[2:]]
)
index("index with a fraction", r"train.idx:2: expected", lambda lines: [lines[0], "1\t40.5\n", *lines[2:]])
index("index with a negative offset", r"train.idx:2: expected", lambda lines: [lines[0], "1\t-40\n", *lines[2:]])
index("index with a key twice", r"train.idx: key 3 is there twice", lambda lines: [*lines, lines[3]])
index("index with an odd offset", r"train.idx: offset 41 is not a multiple of 4", lambda x: [x[0], "1\t41\n", *x[2:]])
index("index beyond the file", r"train.rec: ends at byte .*truncated", lambda lines: [*lines[:-1], "9\t99996\n"])
index("index of another file", r"train.rec: no record at byte 44 ", lambda x: [x[0], "1\t44\n", *x[2:]])
index("index that was cut off", r"train.idx: it lists 3 of the images up to 6 .*: lines are missing", lambda x: x[:4])
index("index without one image", r"train.idx: it lists 5 of the images up to 6 .*: lines", lambda x: [*x[:3], *x[4:]])
index("index of binary rubbish", r"train.idx:1: expected", lambda lines: ["\x00\x01\x02 \x03"])


@changed("no index", ERROR, r"no index .*train.idx")
def no_index(folder):
    (folder / "train.idx").unlink()


@changed("no records", ERROR, r"no record file .*train.rec")
def no_records(folder):
    (folder / "train.rec").unlink()


@changed("zero-byte file", ERROR, r"train.rec: ends at byte 0, .*truncated")
def zero_bytes(folder):
    (folder / "train.rec").write_bytes(b"")


@changed("truncated file", ERROR, r"train.rec: ends at byte .* within the record at byte .*: is it truncated")
def truncated(folder):
    data = (folder / "train.rec").read_bytes()
    (folder / "train.rec").write_bytes(data[:-20])


@changed("bad magic in one record", SKIP, r"train.rec: no record at byte \d+ \(found 0x00000000\)")
def bad_magic(folder):
    overwrite(folder, offset(folder, 2), bytes(4))


@changed("bad magic in a record that tells a person's label", ERROR, r"train.rec: no record at byte \d+ \(found 0x0000")
def bad_magic_at_the_border(folder):
    overwrite(folder, offset(folder, 4), bytes(4))


@changed(
    "first part of a split record without its last", SKIP, r"train.rec: the record at byte \d+ is cut in parts, and"
)
def no_last_part(folder):
    length = struct.unpack("<I", (folder / "train.rec").read_bytes()[offset(folder, 2) + 4 :][:4])[0]
    overwrite(folder, offset(folder, 2), struct.pack("<II", MAGIC, FIRST << LENGTH_BITS | length))


@changed("record that is the last part of another", SKIP, r"train.rec: the record at byte \d+ begins in its middle")
def last_part_alone(folder):
    overwrite(folder, offset(folder, 2), struct.pack("<II", MAGIC, LAST << LENGTH_BITS | 40))


@changed("image that does not decode", SKIP, r"train.rec, record 5 does not decode as an image")
def broken_image(folder):
    overwrite(folder, offset(folder, 5) + 8 + 24, b"<html>")


@changed("label unlike that of its person", ERROR, r"train.rec, record 2: its label is 1, and in the range .* it is 0")
def other_label(folder):
    overwrite(folder, offset(folder, 2) + 12, struct.pack("<f", 1.0))


@changed("record 0 that lies", ERROR, r"record 0 says the images end before key 5, and the records there say otherwise")
def lying_header(folder):
    overwrite(folder, offset(folder, 0) + 8 + 24, struct.pack("<f", 5.0))


@changed("record 0 that is no number", ERROR, r"record 0 says the images end before key nan")
def nan_header(folder):
    overwrite(folder, offset(folder, 0) + 8 + 24, struct.pack("<f", float("nan")))


@changed("label beyond the people of property", ERROR, r"property:1: 1 people, and .*train.rec has the label 1, beyond")
def too_few_people(folder):
    (folder / "property").write_text("1,112,112\n")


@changed("property that is malformed", ERROR, r"property:1: expected 'people,height,width', got 'x,112,112'")
def malformed_property(folder):
    (folder / "property").write_text("x,112,112\n")


@changed("no property", WORKS, shows(6))
def no_property(folder):
    (folder / "property").unlink()


plain("im2rec's, without records of people", WORKS, lambda source: source.identities == ["4", "30"], 30.0, 4.0)
plain("labels that are lists", WORKS, lambda source: source.labels.tolist() == [1, 0], [30.0, 1.5], [4.0, 9.0])
plain("label with a fraction", ERROR, r"train.rec: record 1 has the label 1.5, not a whole number", 0.0, 1.5)
plain("negative label", ERROR, r"train.rec: record 1 has the label -1.0, not a whole number from 0", 0.0, -1.0)
plain("label that is not a number", ERROR, r"train.rec: record 0 has the label nan", float("nan"), 1.0)
plain("label that float32 rounds", ERROR, r"train.rec: record 1 has the label 16777216.0", 0.0, 2.0**24)


def pairs(case: str, outcome: str, expected: object, content: object) -> None:
    """A case that is a .bin of these bytes, or of this pickled."""

    @files(f".bin: {case}", outcome, expected)
    def make(folder: Path) -> BinPairs:
        data = content if isinstance(content, bytes) else pickle.dumps(content)
        (folder / "set.bin").write_bytes(data)
        return BinPairs(str(folder / "set.bin"))


class Hostile:
    """Pickled, it asks to run something when it is opened: were that granted, it would end the tests."""

    def __init__(self, function: object = os._exit, argument: object = 7) -> None:
        self.asked = function, (argument,)

    def __reduce__(self):
        return self.asked


A, B = encoded(1), encoded(2)
ARRAYS = [np.frombuffer(data, dtype=np.uint8) for data in (A, B)]


def decodes(same: list[bool], folds: list[int] | None = None):
    """Whether the pairs are marked so, and the last image is the second picture."""
    return lambda source: (
        source.same.tolist() == same
        and shows(2)(source)
        and (None if source.folds is None else source.folds.tolist()) == folds
    )


def python_2(images: list[bytes]) -> bytes:
    """A pickle as Python 2 writes it: a string of bytes has its own instruction."""
    strings = b"".join(b"T" + struct.pack("<I", len(image)) + image for image in images)
    return b"\x80\x02](" + strings + b"e](" + b"\x88\x89"[: len(images) // 2] + b"e\x86."


pairs("bytes", WORKS, decodes([True, False]), ([A, A, A, B], [True, False]))
pairs("arrays of bytes", WORKS, decodes([True]), (ARRAYS, [True]))
pairs("marks that are an array", WORKS, decodes([True]), (ARRAYS, np.array([True])))
pairs("marks of NumPy", WORKS, decodes([False]), (ARRAYS, [np.bool_(False)]))
pairs("of Python 2", WORKS, decodes([True, False]), python_2([A, A, A, B]))
pairs("ten pairs", WORKS, decodes([True] * 10, list(range(10))), ([A, B] * 10, [True] * 10))
pairs(
    "asks to run a command",
    ERROR,
    r"set.bin: refused, since it asks to run (posix|nt)._exit",
    ([A, Hostile()], [True]),
)
pairs(
    "asks to evaluate code",
    ERROR,
    r"refused, since it asks to run builtins.eval",
    ([A, Hostile(eval, "__import__('os')._exit(7)")], [True]),
)
pairs("asks for torch", ERROR, r"refused, since it asks to run torch.load", b"\x80\x02ctorch\nload\nU\x01x\x85R.")
pairs("array of objects", ERROR, r"set.bin: .*array of 'O8'", ([np.array([A, None]), B], [True]))
pairs("truncated", ERROR, r"set.bin: is truncated or no pickle", pickle.dumps(([A, B], [True]))[:-30])
pairs("zero bytes", ERROR, r"set.bin: is truncated or no pickle", b"")
pairs("text", ERROR, r"set.bin: is truncated or no pickle", b"a.jpg b.jpg 1\n")
pairs("something else", ERROR, r"set.bin: holds something else", {"images": [A]})
pairs("one image too few", ERROR, r"set.bin: 3 images and 2 booleans", ([A, B, A], [True, False]))
pairs("no pairs", ERROR, r"set.bin: 0 images and 0 booleans", ([], []))
pairs("mark of 2", ERROR, r"set.bin: pair 1 is marked 2, not True or False", ([A, B, A, B], [True, 2]))
pairs("names in the place of images", ERROR, r"set.bin: image 0 is a str", (["a.jpg", "b.jpg"], [True]))
pairs("image that does not decode", ERROR, r"set.bin, image 1 does not decode as an image", ([A, b"<html>"], [True]))


@files(".bin: is not there", ERROR, r"no set of pairs .*set.bin")
def no_bin(folder):
    return BinPairs(str(folder / "set.bin"))


def idx(array: np.ndarray) -> bytes:
    """An IDX file of bytes."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


DIGITS = idx(np.arange(2 * 28 * 28).reshape(2, 28, 28).astype(np.uint8))


def mnist(case: str, outcome: str, expected: object, images: bytes, labels: bytes | None, suffix: str = "") -> None:
    """A case that is a local copy of MNIST's test set."""

    @files(f"MNIST: {case}", outcome, expected)
    def make(folder: Path) -> MNISTImages:
        (folder / f"t10k-images-idx3-ubyte{suffix}").write_bytes(images)
        if labels is not None:
            (folder / "t10k-labels-idx1-ubyte").write_bytes(labels)
        return MNISTImages(str(folder), "test")


TWO = idx(np.array([3, 7], dtype=np.uint8))
mnist("files in the folder itself", WORKS, lambda source: source.labels.tolist() == [3, 7], DIGITS, TWO)
mnist("packed file", WORKS, lambda source: len(source) == 2, gzip.compress(DIGITS), TWO, ".gz")
mnist("no labels", ERROR, r"no t10k-labels-idx1-ubyte\[.gz\] in .* or set download: true", DIGITS, None)
mnist("truncated", ERROR, r"t10k-images-idx3-ubyte has 1,558 bytes where 2x28x28 are due", DIGITS[:-10], TWO)
mnist(
    "truncated packed file", ERROR, r"t10k-images-idx3-ubyte.gz does not unpack", gzip.compress(DIGITS)[:-9], TWO, ".gz"
)
mnist("labels in the place of images", ERROR, r"images-idx3-ubyte is no IDX file of bytes with 3 dimensions", TWO, TWO)
mnist("more labels than images", ERROR, r"holds 2 images, .* 3 labels", DIGITS, idx(np.arange(3, dtype=np.uint8)))
mnist(
    "label of 10",
    ERROR,
    r"t10k-labels-idx1-ubyte holds labels up to 10",
    DIGITS,
    idx(np.array([3, 10], dtype=np.uint8)),
)


@files("CIFAR-10: is not there", ERROR, r"cifar-10-batches-py: a file is missing, .* or set download: true")
def no_cifar(folder):
    return CIFAR10Images(str(folder))


@files("CIFAR-10: a batch that asks to run a command", ERROR, r"a file is missing, or is not the published one")
def hostile_cifar(folder):
    (folder / "cifar-10-batches-py").mkdir()
    for name in [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch", "batches.meta"]:
        (folder / "cifar-10-batches-py" / name).write_bytes(pickle.dumps(Hostile()))
    return CIFAR10Images(str(folder))
