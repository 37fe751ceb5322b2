"""Lists of images and of pairs as they should not be."""

from pathlib import Path

from facerec.data import FolderImages, LandmarkImages, LFWPairs, ListImages, ListPairs
from tests.data.cases import ERROR, WORKS, Cases, picture, shows

lists = Cases()
NAMES = ("1.png", "2.png", "3 b.png", "4\u2028b.png", "人.png")


def folder_of_images(folder: Path) -> str:
    """Five images of flat names."""
    (folder / "images").mkdir()
    for value, name in enumerate(NAMES, start=1):
        picture(value).save(folder / "images" / name)
    return str(folder / "images")


def labels(case: str, outcome: str, expected: object, text: str | bytes) -> None:
    """A case that is a labels.txt of this content."""

    @lists(f"labels.txt: {case}", outcome, expected)
    def make(folder: Path) -> ListImages:
        path = folder / "labels.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return ListImages(folder_of_images(folder), str(path))


def listed(case: str, outcome: str, expected: object, text: str | bytes) -> None:
    """A case that is a list of this content for folders of people, ann and bob c with two images each."""

    @lists(f"train.txt of a split: {case}", outcome, expected)
    def make(folder: Path) -> FolderImages:
        for value, name in enumerate(("ann/1.png", "ann/2.png", "bob c/1.png", "bob c/2 人.png"), start=1):
            (folder / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
            picture(value).save(folder / "faces" / name)
        path = folder / "train.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return FolderImages(str(folder / "faces"), str(path))


def pairs(case: str, outcome: str, expected: object, text: str | bytes) -> None:
    """A case that is a list of pairs of this content."""

    @lists(f"pairs: {case}", outcome, expected)
    def make(folder: Path) -> ListPairs:
        path = folder / "pairs.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return ListPairs(folder_of_images(folder), str(path))


def lfw(case: str, outcome: str, expected: object, text: str) -> None:
    """A case that is LFW's pairs.txt of this content, for Ann and Bob with two images each."""

    @lists(f"LFW pairs: {case}", outcome, expected)
    def make(folder: Path) -> LFWPairs:
        for person in ("Ann", "Bob"):
            for number in (1, 2):
                path = folder / "images" / person / f"{person}_{number:04d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                picture(number).save(path)
        (folder / "pairs.txt").write_text(text)
        return LFWPairs(str(folder / "images"), str(folder / "pairs.txt"))


def classes(*expected: int):
    """Whether the classes are these, and the last image is the second of the folder."""
    return lambda source: source.labels.tolist() == list(expected) and shows(2)(source)


def marked(*expected: bool):
    """Whether the pairs are marked like this."""
    return lambda source: source.same.tolist() == list(expected)


labels("CRLF line ends", WORKS, classes(0, 1), "1.png 3\r\n2.png 7\r\n")
labels("byte order mark", WORKS, classes(0, 1), "\ufeff1.png 3\n2.png 7\n")
labels("tabs", WORKS, classes(0, 1), "1.png\t3\n2.png\t7\n")
labels("several spaces", WORKS, classes(0, 1), "  1.png    3\n2.png   7  \n")
labels("blank lines", WORKS, classes(0, 1), "\n1.png 3\n   \n2.png 7\n\n\n")
labels("no line end after the last line", WORKS, classes(0, 1), "1.png 3\n2.png 7")
labels("name with spaces, tabs between columns", WORKS, shows(3), "1.png\t3\n3 b.png\t7\n")
labels("name with spaces, spaces between columns", ERROR, r"labels.txt:2: .*need tabs", "1.png 3\n3 b.png 7\n")
labels("name in Unicode", WORKS, shows(5), "1.png 3\n人.png 7\n")
labels("name with a Unicode line separator", WORKS, shows(4), "1.png\t3\n4\u2028b.png\t7\n")
labels("missing column", ERROR, r"labels.txt:2: expected 'image label', got '2.png'", "1.png 3\n2.png\n")
labels("one column too many", ERROR, r"labels.txt:1: expected 'image label'", "1.png 3 4\n")
labels("empty column", ERROR, r"labels.txt:1: expected 'image label'", "1.png\t\n")
labels("header line", ERROR, r"labels.txt:1: label 'label' is not a whole number", "id label\n1.png 3\n")
labels("label that is a word", ERROR, r"labels.txt:2: label 'bob' is not a whole number", "1.png 3\n2.png bob\n")
labels("label with a fraction", ERROR, r"labels.txt:1: label '3.0' is not a whole number", "1.png 3.0\n")
labels("negative label", ERROR, r"labels.txt:2: label '-1' is not a whole number from 0", "1.png 3\n2.png -1\n")
labels("label of 21 digits", ERROR, r"labels.txt:1: label '1(0){20}' is not", f"1.png 1{'0' * 20}\n")
labels("label of 2^62", WORKS, classes(0, 1), f"1.png 3\n2.png {2**62}\n")
labels("label in Arabic digits", ERROR, r"labels.txt:1: label '٣' is not", "1.png ٣\n")
labels(
    "file with two labels", ERROR, r"labels.txt:3: '1.png' is listed already on line 1", "1.png 3\n2.png 4\n1.png 4\n"
)
labels("file with two labels, spelt ./", ERROR, r"labels.txt:2: '1.png' is listed already", "1.png 3\n./1.png 4\n")
labels("file listed twice with one label", ERROR, r"labels.txt:2: '1.png' is listed already", "1.png 3\n1.png 3\n")
labels("empty", ERROR, r"labels.txt is empty", "")
labels("only blank lines", ERROR, r"labels.txt is empty", "\n \n\t\n")
labels("unknown file", ERROR, r"labels.txt:3: names .*9.png, which is not there", "1.png 3\n\n9.png 4\n")
labels("name with a NUL", ERROR, r"labels.txt:1: names .*, which is not there", "1\0.png 3\n")
labels("path that climbs out", ERROR, r"labels.txt:2: '../x.png' leaves the folder", "1.png 3\n../x.png 4\n")
labels("path that climbs out on a detour", ERROR, r"labels.txt:1: 'a/../../x.png' leaves", "a/../../x.png 4\n")
labels("absolute path", ERROR, r"labels.txt:1: '/etc/passwd' leaves the folder", "/etc/passwd 3\n")
labels("UTF-16", ERROR, r"labels.txt is not UTF-8 text", "1.png 3\n".encode("utf-16"))


@lists("labels.txt: is not there", ERROR, r"no list .*labels.txt: expected lines 'image label'")
def no_labels(folder):
    return ListImages(folder_of_images(folder), str(folder / "labels.txt"))


@lists("labels.txt: is a folder", ERROR, r"labels.txt cannot be read: Is a directory")
def labels_folder(folder):
    (folder / "labels.txt").mkdir()
    return ListImages(folder_of_images(folder), str(folder / "labels.txt"))


@lists("labels.txt: images folder is not there", ERROR, r"no folder .*images, which holds the images of .*labels.txt")
def no_images(folder):
    (folder / "labels.txt").write_text("1.png 3\n")
    return ListImages(str(folder / "images"), str(folder / "labels.txt"))


listed("CRLF, byte order mark, blank lines", WORKS, classes(0, 0), "\ufeffann/1.png\r\n\r\nann/2.png\r\n")
listed("names with spaces and in Unicode", WORKS, shows(4), "ann/1.png\nbob c/2 人.png\n")
listed("some images of a folder", WORKS, lambda source: source.identities == ["bob c"], "bob c/1.png\n")
listed("unknown file", ERROR, r"train.txt:3: names .*9.png, which is not there", "ann/1.png\n\nann/9.png\n")
listed("image without a person", ERROR, r"train.txt:1: expected 'person/image', got '1.png'", "1.png\n")
listed("image of a folder too deep", ERROR, r"train.txt:1: expected 'person/image'", "faces/ann/1.png\n")
listed("a label beside the image", ERROR, r"train.txt:1: names .*1.png 3, which is not there", "ann/1.png 3\n")
listed("image listed twice, spelt ./", ERROR, r"train.txt:2: 'ann/1.png' is listed", "ann/1.png\n./ann/1.png\n")
listed("path that climbs out", ERROR, r"train.txt:1: '../x.png' leaves the folder", "../x.png\n")
listed("empty", ERROR, r"train.txt is empty", "\n")


@lists("train.txt of a split: is not there", ERROR, r"no list .*train.txt: expected lines 'person/image'")
def no_list(folder):
    (folder / "faces").mkdir()
    return FolderImages(str(folder / "faces"), str(folder / "train.txt"))


@lists("train.txt of a split: images are not there", ERROR, r"no folder .*faces, which holds the images of .*train.txt")
def no_listed_images(folder):
    (folder / "train.txt").write_text("ann/1.png\n")
    return FolderImages(str(folder / "faces"), str(folder / "train.txt"))


@lists("landmarks: image listed twice, spelt ./", ERROR, r"landmarks.txt:2: '1.png' is listed already on line 1")
def landmarks_twice(folder):
    points = "\t29\t47\t61\t47\t45\t68\t32\t85\t58\t85\n"
    (folder / "landmarks.txt").write_text(f"1.png\t3{points}./1.png\t3{points}2.png\t4{points}")
    return LandmarkImages(folder_of_images(folder), str(folder / "landmarks.txt"))


pairs("CRLF, byte order mark, tabs", WORKS, marked(True, False), "\ufeff1.png\t2.png\t1\r\n1.png\t3 b.png\t0\r\n")
pairs("two columns in every line", WORKS, lambda source: source.same is None, "1.png 2.png\n2.png 人.png\n")
pairs("unknown file", ERROR, r"pairs.txt:2: names .*9.png, which is not there", "1.png 2.png 1\n1.png 9.png 0\n")
pairs("mark of 2", ERROR, r"pairs.txt:2: third column '2'", "1.png 2.png 1\n1.png 人.png 2\n")
pairs("mark of 1.0", ERROR, r"pairs.txt:1: third column '1.0'", "1.png 2.png 1.0\n")
pairs("third column missing in some lines", ERROR, r"pairs.txt:2: 2 columns, unlike", "1.png 2.png 1\n1.png 人.png\n")
pairs("third column in some lines only", ERROR, r"pairs.txt:2: 3 columns, unlike", "1.png 2.png\n1.png 人.png 1\n")
pairs("one column", ERROR, r"pairs.txt:1: expected 'image image 1", "1.png\n")
pairs("empty", ERROR, r"pairs.txt is empty", "\n")
pairs("path that climbs out", ERROR, r"pairs.txt:1: '../x.png' leaves the folder", "1.png ../x.png 1\n")
pairs("absolute path", ERROR, r"pairs.txt:1: '/x.png' leaves the folder", "/x.png 1.png 1\n")
pairs("one pair marked 1 and 0", ERROR, r"pairs.txt:2: .*marked 1 on line 1", "1.png 2.png 1\n2.png 1.png 0\n")
pairs("image with itself, marked 0", ERROR, r"pairs.txt:1: .*one image", "1.png ./1.png 0\n")
pairs("commas", WORKS, marked(True, False), "1.png,2.png,1\n1.png, 人.png, 0\n")
pairs(
    "commas below names of columns",
    WORKS,
    lambda source: source.pairs.tolist() == [[0, 1]],
    "image1,image2\n1.png,2.png",
)
pairs("names with spaces between commas", WORKS, marked(False), "1.png,3 b.png,0\n")
pairs("two lines for each pair", WORKS, marked(True, False), "1.png\t7\n2.png\t7\n3 b.png\t0\n人.png\t0\n")
pairs(
    "two lines for each pair, of two marks",
    ERROR,
    r"pairs.txt:3: .*are marked 0 and 1",
    "1.png\t7\n2.png\t7\n3 b.png\t0\n人.png\t1\n",
)
pairs("two lines for each pair, one missing", ERROR, r"pairs.txt:3: .*is alone", "1.png\t7\n2.png\t7\n3 b.png\t0\n")
pairs("one pair twice with one mark", WORKS, marked(True, True), "1.png 2.png 1\n1.png 2.png 1\n")

HEAD = "2\t1\n"
FOLD = "Ann\t1\t2\nAnn\t1\tBob\t1\n"
lfw("folds as in the first line", WORKS, lambda source: source.folds.tolist() == [0, 0, 1, 1], HEAD + FOLD + FOLD)
lfw("a table", WORKS, lambda source: source.same.tolist() == [True], "name,imagenum1,imagenum2,\nAnn,1,2,\n")
lfw(
    "no first line, as RFW",
    WORKS,
    lambda source: source.folds.tolist() == [f for f in range(10) for _ in "ab"],
    FOLD * 10,
)
lfw("no first line, unbalanced", WORKS, lambda source: source.folds is None, "Ann\t1\t2\n" * 10)
lfw(
    "cut short",
    ERROR,
    r"pairs.txt: 3 pairs, and its first line says 2 x .* = 4: is it cut",
    HEAD + FOLD + "Bob\t1\t2\n",
)
lfw("a kind in the place of the other", ERROR, r"pairs.txt:3: a pair of one person", "1\nAnn\t1\t2\nBob\t1\t2\n")
lfw("two people of one name", ERROR, r"pairs.txt:1: 'Ann' twice", "Ann\t1\tAnn\t2\n")
lfw("image with itself", ERROR, r"pairs.txt:1: image 1 of 'Ann' is paired with itself", "Ann\t1\t1\n")
lfw("number 0", ERROR, r"pairs.txt:2: '0' is not a number from 1", "Ann\t1\t2\nBob\t0\t1\n")
lfw("number that is a word", ERROR, r"pairs.txt:1: 'x' is not a number from 1", "Ann\t1\tx\n")
lfw("a second first line", ERROR, r"pairs.txt:2: expected 'person i j", "1\n1\nAnn\t1\t2\n")
lfw("five columns", ERROR, r"pairs.txt:1: expected 'person i j", "Ann\t1\tBob\t2\t3\n")
lfw("unknown person", ERROR, r"pairs.txt names 'Eve', and there is no folder", "Eve\t1\t2\n")
lfw("unknown image", ERROR, r"pairs.txt:2: names .*Bob_0003.png, which is not there", "Ann\t1\t2\nBob\t2\t3\n")
lfw("path that climbs out", ERROR, r"pairs.txt:1: '../Ann' leaves the folder", "../Ann\t1\t2\n")
lfw("empty", ERROR, r"pairs.txt holds no pairs", "")
