"""Published sets of pairs, templates and galleries as they should not be."""

from collections.abc import Callable
from pathlib import Path

from facerec.data import (
    AlignedRFWPairs,
    BFWPairs,
    CALFWPairs,
    CFPPairs,
    CPLFWPairs,
    IJBPairs,
    RFWPairs,
    TemplatePairs,
    TinyFacePairs,
    XQLFWPairs,
)
from facerec.data.sources import PairSource
from tests.data.cases import ERROR, WORKS, Cases, encoded

protocols = Cases()
Files = dict[str, str | bytes | None]


class Published:
    """A small set as published; each case replaces some of its files, or takes them away.

    Args:
        name: of the set.
        read: gives the source of a folder.
        images: its images.
        lists: content of each of its lists.
    """

    def __init__(self, name: str, read: Callable[[str], PairSource], images: list[str], lists: Files) -> None:
        self._name, self._read = name, read
        self._files: Files = {image: encoded(place) for place, image in enumerate(images)} | lists
        self("as published", WORKS, lambda source: len(source.pairs) > 0, {})

    def __call__(self, case: str, outcome: str, expected: object, changed: Files) -> None:
        @protocols(f"{self._name}: {case}", outcome, expected)
        def make(folder: Path) -> PairSource:
            assert all(file in self._files or content is not None for file, content in changed.items())
            for file, content in (self._files | changed).items():
                if content is not None:
                    path = folder / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return self._read(str(folder))


def of(count: int) -> Callable[[PairSource], bool]:
    """Whether a source has so many pairs."""
    return lambda source: len(source.pairs) == count


# CFP
FRONTAL, PROFILE = "Protocol/Pair_list_F.txt", "Protocol/Pair_list_P.txt"
SAME, DIFF = "Protocol/Split/FP/01/same.txt", "Protocol/Split/FP/01/diff.txt"
LISTED = {kind: "".join(f"{n} ../Data/Images/00{n}/{kind}/01.jpg\n" for n in (1, 2)) for kind in ("frontal", "profile")}
cfp = Published(
    "CFP",
    CFPPairs,
    [f"Data/Images/00{person}/{kind}/01.jpg" for person in (1, 2) for kind in ("frontal", "profile")],
    {FRONTAL: LISTED["frontal"], PROFILE: LISTED["profile"], SAME: "1,1\n2,2\n", DIFF: "1,2\n2,1\n"},
)
cfp("no folds", ERROR, r"no folders 01 to 10 in .*FP: give root=", {SAME: None, DIFF: None})
cfp("no list of pairs", ERROR, r"no list .*diff.txt: expected lines 'i,j'", {DIFF: None})
cfp("no list of images", ERROR, r"no list .*Pair_list_P.txt: expected lines 'number ", {PROFILE: None})
cfp("a pair of one number", ERROR, r"same.txt:2: expected 'i,j', got '2'", {SAME: "1,1\n2\n"})
cfp("a line without a number", ERROR, r"Pair_list_F.txt:1: expected 'number ", {FRONTAL: "../Data/x.jpg\n"})
cfp("a number of no image", ERROR, r"diff.txt:1: no image has the number 3", {DIFF: "1,3\n"})
cfp("missing image", ERROR, r"Pair_list_P.txt:2: names .*01.jpg, which", {"Data/Images/002/profile/01.jpg": None})
cfp("broken image", ERROR, r"01.jpg does not decode as an image", {"Data/Images/002/profile/01.jpg": b"<html>"})
cfp("empty list of pairs", ERROR, r"same.txt is empty: expected lines 'i,j'", {SAME: "\n"})
cfp("empty list of images", ERROR, r"Pair_list_P.txt is empty: expected lines 'number ", {PROFILE: ""})
cfp(
    "a number twice",
    ERROR,
    r"Pair_list_F.txt:3: number 2 is listed already on line 2",
    {FRONTAL: LISTED["frontal"] + "2 ../Data/x.jpg\n"},
)
cfp(
    "an image twice",
    ERROR,
    r"Pair_list_F.txt:3: 'Data/Images/001/frontal/01.jpg' is listed already on line 1",
    {FRONTAL: LISTED["frontal"] + "3 ../Data/Images/001/frontal/01.jpg\n"},
)
cfp("a pair of both kinds", ERROR, r"diff.txt:2: .* one person in .*same.txt:1", {DIFF: "1,2\n1,1\n"})
cfp("a pair twice", WORKS, of(5), {DIFF: "1,2\n2,1\n1,2\n"})

# CALFW and CPLFW
for name, reader, digits in (("CALFW", CALFWPairs, 4), ("CPLFW", CPLFWPairs, 1)):
    ann, other, eve = (f"{person}_{number:0{digits}d}.jpg" for person, number in (("Ann", 1), ("Ann", 2), ("Eve", 1)))
    pairs_file = f"pairs_{name}.txt"
    text = f"{ann} 1\n{other} 1\n{ann} 0\n{eve} 0\n"
    cross = Published(name, reader, [f"aligned images/{image}" for image in (ann, other, eve)], {pairs_file: text})
    cross("no list", ERROR, rf"no list .*{pairs_file}: expected lines", {pairs_file: None})
    cross("an image without a mark", ERROR, rf"{pairs_file}:5: expected 'image image 1", {pairs_file: f"{text}{ann}\n"})
    cross("half a pair", ERROR, rf"{pairs_file}:5: '{ann}' is alone", {pairs_file: f"{text}{ann} 0\n"})
    cross("missing image", ERROR, rf"{pairs_file}:3: names .*{eve}, which", {f"aligned images/{eve}": None})
    cross("broken image", ERROR, rf"{eve} does not decode as an image", {f"aligned images/{eve}": b""})
    cross("empty list", ERROR, rf"{pairs_file} is empty: expected lines", {pairs_file: ""})
    cross(
        "a pair of both marks",
        ERROR,
        rf"{pairs_file}:5: .*are marked 0, and are marked 1 on line 1",
        {pairs_file: f"{text}{ann} 0\n{other} 0\n"},
    )
    cross("a pair twice", WORKS, of(3), {pairs_file: f"{text}{ann} 0\n{eve} 0\n"})

# XQLFW
LFW = "Ann\t1\t2\nAnn\t1\tEve\t1\n"
LINE = "expected 'person i j"
people = [f"{person}/{person}_000{number}.jpg" for person, number in (("Ann", 1), ("Ann", 2), ("Eve", 1))]
xqlfw = Published("XQLFW", XQLFWPairs, [f"xqlfw_aligned_112/{image}" for image in people], {"xqlfw_pairs.txt": LFW})
LAST = f"xqlfw_aligned_112/{people[-1]}"
xqlfw("no list", ERROR, r"no list .*xqlfw_pairs.txt: expected lines", {"xqlfw_pairs.txt": None})
xqlfw("a line of two columns", ERROR, rf"xqlfw_pairs.txt:3: {LINE}", {"xqlfw_pairs.txt": f"{LFW}Ann\t1\n"})
xqlfw("missing image", ERROR, r"xqlfw_pairs.txt:2: names .*Eve_0001.jpg, which", {LAST: None})
xqlfw("broken image", ERROR, r"Eve_0001.jpg does not decode as an image", {LAST: b"GIF89a"})
xqlfw("empty list", ERROR, r"xqlfw_pairs.txt holds no pairs: expected lines", {"xqlfw_pairs.txt": "\n"})
xqlfw("image with itself", ERROR, r"xqlfw_pairs.txt:1: image 1 of 'Ann' is", {"xqlfw_pairs.txt": "Ann\t1\t1\n"})
xqlfw("a pair twice", WORKS, of(3), {"xqlfw_pairs.txt": LFW + "Eve\t1\tAnn\t1\n"})

# RFW
ASIAN, INDIAN = (f"test/txts/{race}/{race}_pairs.txt" for race in ("Asian", "Indian"))
rfw = Published(
    "RFW",
    lambda root: RFWPairs(root, races=["Asian", "Indian"]),
    [f"test/data/Asian/{image}" for image in people]
    + [f"test/data/Indian/{image.replace('Ann', 'Ina')}" for image in people[:2]],
    {ASIAN: LFW, INDIAN: "Ina\t1\t2\n"},
)
rfw("no list of a race", ERROR, r"no list .*Indian_pairs.txt: expected lines", {INDIAN: None})
rfw("a line of two columns", ERROR, rf"Indian_pairs.txt:2: {LINE}", {INDIAN: "Ina\t1\t2\nIna\t1\n"})
rfw("missing image", ERROR, r"Asian_pairs.txt:2: names .*Eve_0001.jpg, which", {f"test/data/Asian/{people[-1]}": None})
rfw("broken image", ERROR, r"Eve_0001.jpg does not decode as an image", {f"test/data/Asian/{people[-1]}": b""})
rfw("empty list of a race", ERROR, r"Indian_pairs.txt holds no pairs: expected lines", {INDIAN: ""})
rfw("image with itself", ERROR, r"Indian_pairs.txt:1: image 2 of 'Ina' is paired with itself", {INDIAN: "Ina\t2\t2\n"})
rfw("a pair twice", WORKS, of(4), {INDIAN: "Ina\t1\t2\nIna\t2\t1\n"})

# RFW with its points
ASIAN_POINTS, INDIAN_POINTS = (f"test/txts/{race}/{race}_lmk.txt" for race in ("Asian", "Indian"))
FIVE = "0\t2\t2\t6\t2\t4\t3\t2.5\t5\t5.5\t5\n"
OF_INDIANS = "".join(f"/test/data/Indian/Ina/Ina_000{number}.jpg\t{FIVE}" for number in (1, 2))
aligned = Published(
    "RFW with points",
    lambda root: AlignedRFWPairs(root, races=["Asian", "Indian"]),
    [f"test/data/Asian/{image}" for image in people]
    + [f"test/data/Indian/{image.replace('Ann', 'Ina')}" for image in people[:2]],
    {
        ASIAN: LFW,
        INDIAN: "Ina\t1\t2\n",
        ASIAN_POINTS: "".join(f"/test/data/Asian/{image}\t{FIVE}" for image in people),
        INDIAN_POINTS: OF_INDIANS,
    },
)
aligned("no points of a race", ERROR, r"no list .*Indian_lmk.txt: expected lines 'image label", {INDIAN_POINTS: None})
aligned("a line cut short", ERROR, r"Indian_lmk.txt:2: expected 'image label", {INDIAN_POINTS: OF_INDIANS[:-5] + "\n"})
aligned(
    "a point that is a word",
    ERROR,
    r"Indian_lmk.txt:1: coordinate 'x'",
    {INDIAN_POINTS: OF_INDIANS.replace("\t2\t", "\tx\t", 1)},
)
aligned(
    "an image without points",
    ERROR,
    r"Indian_lmk.txt holds no points of Indian/Ina/Ina_0002.jpg",
    {INDIAN_POINTS: OF_INDIANS[: len(OF_INDIANS) // 2]},
)
aligned("empty list of points", ERROR, r"Indian_lmk.txt is empty: expected lines 'image label", {INDIAN_POINTS: "\n"})
aligned(
    "an image twice",
    ERROR,
    r"Indian_lmk.txt:3: 'Indian/Ina/Ina_0001.jpg' is listed already on line 1",
    {INDIAN_POINTS: OF_INDIANS + f"Ina/Ina_0001.jpg\t{FIVE}"},
)

# BFW
HEAD, GENUINE, IMPOSTOR = "fold,p1,p2,label\n", "1,af/n1/1.jpg,af/n1/2.jpg,1\n", "2,af/n1/1.jpg,af/n2/1.jpg,0\n"
bfw = Published(
    "BFW",
    lambda root: BFWPairs(root, f"{root}/bfw.csv"),
    ["af/n1/1.jpg", "af/n1/2.jpg", "af/n2/1.jpg"],
    {"bfw.csv": HEAD + GENUINE + IMPOSTOR},
)
bfw("no table", ERROR, r"no table .*bfw.csv: expected a CSV with the columns fold,p1,p2,label", {"bfw.csv": None})
bfw("no column of labels", ERROR, r"bfw.csv:1: no column 'label'", {"bfw.csv": "fold,p1,p2\n"})
bfw(
    "a row of three cells",
    ERROR,
    r"bfw.csv:3: 3 cells, and 4 columns are named",
    {"bfw.csv": f"{HEAD}{GENUINE}1,a,b\n"},
)
bfw("an empty cell", ERROR, r"bfw.csv:2: 'p2' is empty", {"bfw.csv": f"{HEAD}1,a,,1\n"})
bfw("missing image", ERROR, r"bfw.csv:3: names .*n2/1.jpg, which", {"af/n2/1.jpg": None})
bfw("broken image", ERROR, r"n2/1.jpg does not decode as an image", {"af/n2/1.jpg": b"\xff\xd8\xff"})
bfw("empty table", ERROR, r"bfw.csv:1: no column 'fold'", {"bfw.csv": ""})
bfw("no rows", ERROR, r"bfw.csv holds no pairs: expected rows of", {"bfw.csv": HEAD})
bfw("image with itself", ERROR, r"bfw.csv:2: 'a.jpg' is paired with itself", {"bfw.csv": f"{HEAD}1,a.jpg,a.jpg,1\n"})
bfw(
    "a pair of both labels",
    ERROR,
    r"bfw.csv:4: .*two people, and one person in .*bfw.csv:2",
    {"bfw.csv": f"{HEAD}{GENUINE}{IMPOSTOR}2,af/n1/2.jpg,af/n1/1.jpg,0\n"},
)
bfw("a pair twice", WORKS, of(3), {"bfw.csv": HEAD + GENUINE + IMPOSTOR + IMPOSTOR})

# IJB-B and IJB-C
FACES = "1.jpg 7 5\n2.jpg 7 5\n3.jpg 9 6\n"
POINTS = "".join(f"{image}.jpg 2 2 6 2 4 3 2.5 5 5.5 5 0.9\n" for image in (1, 2, 3))
for prefix in ("ijbb", "ijbc"):
    faces, points, labels = (
        f"meta/{prefix}_{kind}.txt" for kind in ("face_tid_mid", "name_5pts_score", "template_pair_label")
    )
    gallery, probes = f"meta/{prefix}_1N_gallery_G1.csv", f"meta/{prefix}_1N_probe_mixed.csv"
    ijb = Published(
        "IJB-B" if prefix == "ijbb" else "IJB-C",
        IJBPairs,
        [f"loose_crop/{image}.jpg" for image in (1, 2, 3)],
        {faces: FACES, points: POINTS, labels: "7 9 0\n", gallery: "T,S\n7,1\n", probes: "T,S\n9,2\n"},
    )
    ijb("no list of pairs", ERROR, rf"no list .*{labels[5:]}: expected lines 'template", {labels: None})
    ijb(
        "a face without a medium", ERROR, rf"{faces[5:]}:3: expected 'image template media'", {faces: FACES[:-3] + "\n"}
    )
    ijb("missing image", ERROR, rf"{faces[5:]}:3: names .*3.jpg, which", {"loose_crop/3.jpg": None})
    ijb("broken image", ERROR, r"3.jpg does not decode as an image", {"loose_crop/3.jpg": b""})
    ijb("no pairs", ERROR, rf"{labels[5:]} holds no pairs: expected lines", {labels: ""})
    ijb(
        "an image twice",
        ERROR,
        rf"{faces[5:]}:4: '3.jpg' is in template 9 already on line 3",
        {faces: FACES + "3.jpg 9 6\n"},
    )
    if prefix == "ijbb":
        continue  # the rest is read alike
    ijb("no list of points", ERROR, rf"no list .*{points[5:]}: expected lines 'image", {points: None})
    ijb("no lists of 1:N", WORKS, lambda source: source.subjects is None, {gallery: None, probes: None})
    ijb("a face without a score", ERROR, rf"{points[5:]}:3: expected 'image x1", {points: POINTS[:-5] + "\n"})
    ijb(
        "a point that is a word",
        ERROR,
        rf"{points[5:]}:1: 'x 2 6 2 .*': expected finite numbers",
        {points: POINTS.replace("2 2", "x 2", 1)},
    )
    ijb("a pair without a mark", ERROR, rf"{labels[5:]}:2: expected 'template template 1", {labels: "7 9 0\n7 9\n"})
    ijb("a probe without a person", ERROR, rf"{probes[5:]}:2: expected a template and its", {probes: "T,S\n9\n"})
    ijb("no faces", ERROR, rf"{faces[5:]} is empty: expected lines 'image template media'", {faces: "\n"})
    ijb("no rows of 1:N", WORKS, lambda source: source.subjects is None, {probes: "T,S\n"})
    ijb(
        "a list of 1:N without names of columns",
        WORKS,
        lambda source: source.subjects.tolist() == [1, 2],
        {probes: "9,2\n"},
    )
    ijb("a list of 1:N that is not UTF-8", ERROR, rf"{probes[5:]} is no CSV in UTF-8", {probes: b"T,S\n9,2,\xff\n"})
    ijb(
        "a pair of both marks",
        ERROR,
        rf"{labels[5:]}, pair 2: .*one person, and two people in .*{labels[5:]}, pair 1",
        {labels: "7 9 0\n9 7 1\n"},
    )
    ijb("a pair twice", WORKS, of(2), {labels: "7 9 0\n9 7 0\n"})

# TinyFace
tiny = Published(
    "TinyFace",
    TinyFacePairs,
    [
        f"Testing_Set/{image}.jpg"
        for image in ("Probe/1_1", "Probe/2_1", "Gallery_Match/1_2", "Gallery_Match/2_2", "Gallery_Distractor/9")
    ],
    {},
)
tiny(
    "no gallery",
    ERROR,
    r"no folder .*Gallery_Match: give root=",
    {f"Testing_Set/Gallery_Match/{n}_2.jpg": None for n in (1, 2)},
)
tiny(
    "an image without a person",
    ERROR,
    r"Probe/face.jpg: expected the number of a person",
    {"Testing_Set/Probe/face.jpg": b""},
)
tiny("broken image", ERROR, r"2_2.jpg does not decode as an image", {"Testing_Set/Gallery_Match/2_2.jpg": b""})
tiny(
    "a folder without images",
    ERROR,
    r"Gallery_Distractor holds no images",
    {"Testing_Set/Gallery_Distractor/9.jpg": None, "Testing_Set/Gallery_Distractor/notes.txt": ""},
)
tiny(
    "no person in both",
    ERROR,
    r"no person has a probe and an entry of the gallery",
    {f"Testing_Set/Gallery_Match/{n}_2.jpg": encoded() if n > 2 else None for n in (1, 2, 3)},
)

# templates.csv
COLUMNS, ROWS = "image,template,media,person\n", "a1.jpg,a,film,ann\na2.jpg,a,film,ann\nb.jpg,b,photo,bob\n"
templates = Published(
    "templates.csv",
    lambda root: TemplatePairs(root, f"{root}/templates.csv", f"{root}/pairs.txt"),
    ["a1.jpg", "a2.jpg", "b.jpg"],
    {"templates.csv": COLUMNS + ROWS, "pairs.txt": "a b 0\n"},
)
templates("no table", ERROR, r"no table .*templates.csv: expected a CSV", {"templates.csv": None})
templates("no list of pairs", ERROR, r"no list .*pairs.txt: expected lines 'template", {"pairs.txt": None})
templates(
    "a row of three cells", ERROR, r"templates.csv:5: 3 cells", {"templates.csv": f"{COLUMNS}{ROWS}c.jpg,c,film\n"}
)
templates("a pair without a mark", ERROR, r"pairs.txt:2: expected 'template template 1", {"pairs.txt": "a b 0\na b\n"})
templates("missing image", ERROR, r"templates.csv:4: names .*b.jpg, which", {"b.jpg": None})
templates("broken image", ERROR, r"b.jpg does not decode as an image", {"b.jpg": b""})
templates("no rows", ERROR, r"templates.csv holds no templates", {"templates.csv": COLUMNS})
templates("no pairs", ERROR, r"pairs.txt is empty: expected lines", {"pairs.txt": ""})
templates(
    "an image twice in a template",
    ERROR,
    r"templates.csv:5: 'b.jpg' is in template 'b' already on line 4",
    {"templates.csv": f"{COLUMNS}{ROWS}./b.jpg,b,film,bob\n"},
)
templates(
    "a pair of both marks",
    ERROR,
    r"pairs.txt:2: .*one person, and two people in .*pairs.txt:1",
    {"pairs.txt": "a b 0\nb a 1\n"},
)
templates("a pair twice", WORKS, of(2), {"pairs.txt": "a b 0\nb a 0\n"})
