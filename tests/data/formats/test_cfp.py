"""CFP: a folder as distributed, of both protocols, and lists that cannot be read."""

import pytest

from facerec.data import CFPPairs
from tests.data.cases import encoded, shows

PEOPLE, FRONTAL, PROFILE = 6, 3, 2  # of each person; a fold holds two people


@pytest.fixture
def cfp(tmp_path):
    """Three folds: all genuine pairs of each of two people, and as many impostor pairs of them."""
    places = {"F": {}, "P": {}}
    for kind, folder, each in (("F", "frontal", FRONTAL), ("P", "profile", PROFILE)):
        lines = []
        for person in range(1, PEOPLE + 1):
            for image in range(1, each + 1):
                path = tmp_path / "Data" / "Images" / f"{person:03d}" / folder / f"{image:02d}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encoded(20 * person + image + 10 * (kind == "P")))
                lines.append(f"{len(lines) + 1} ../Data/Images/{person:03d}/{folder}/{image:02d}.jpg")
                places[kind][person, image] = len(lines)
        (tmp_path / "Protocol").mkdir(exist_ok=True)
        (tmp_path / "Protocol" / f"Pair_list_{kind}.txt").write_text("\r\n".join(lines) + "\r\n")
    for fold in range(3):
        one, other = 2 * fold + 1, 2 * fold + 2
        for protocol, kind in (("FP", "P"), ("FF", "F")):
            folder = tmp_path / "Protocol" / "Split" / protocol / f"{fold + 1:02d}"
            folder.mkdir(parents=True)
            same = [
                f"{places['F'][one, 1]},{places[kind][one, 2]}",
                f"{places['F'][other, 3]},{places[kind][other, 1]}",
            ]
            diff = [
                f"{places['F'][one, 1]},{places[kind][other, 2]}",
                f"{places['F'][other, 1]},{places[kind][one, 2]}",
            ]
            (folder / "same.txt").write_text("\n".join(same))
            (folder / "diff.txt").write_text("\n".join(diff) + "\n")
    return tmp_path


@pytest.mark.parametrize(("protocol", "second"), [("FP", "profile"), ("FF", "frontal")])
def test_folds_and_people_are_those_of_the_folder(cfp, protocol, second):
    source = CFPPairs(str(cfp), protocol)
    source.check()
    assert source.folds.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert source.same.tolist() == [True, True, False, False] * 3
    named = [[source.name(index).split("/")[-3:] for index in pair] for pair in source.pairs]
    assert named[0] == [["001", "frontal", "01.jpg"], ["001", second, "02.jpg"]]
    assert named[10] == [["005", "frontal", "01.jpg"], ["006", second, "02.jpg"]]
    people = source.subjects[source.pairs]
    assert ((people[:, 0] == people[:, 1]) == source.same).all()
    assert len(set(source.subjects.tolist())) == PEOPLE
    assert shows(21, int(source.pairs[0, 0]))(source)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Pair_list_F.txt", "1 ../../elsewhere/1.jpg\n", r"Pair_list_F.txt:1: .* leaves the folder"),
        (
            "Pair_list_F.txt",
            "1 ../Data/a.jpg\n1 ../Data/b.jpg\n",
            "Pair_list_F.txt:2: number 1 is listed already on line 1",
        ),
        ("Pair_list_P.txt", "one ../Data/a.jpg\n", "Pair_list_P.txt:1: label 'one' is not a whole number"),
        ("Split/FP/01/same.txt", "1,99\n", "same.txt:1: no image has the number 99"),
        ("Split/FP/02/diff.txt", "1,2\n3\n", "diff.txt:2: expected 'i,j'"),
    ],
)
def test_a_malformed_line_is_named(cfp, file, text, message):
    (cfp / "Protocol" / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        CFPPairs(str(cfp)).check()


def test_what_is_missing_is_named(cfp, tmp_path):
    (cfp / "Data/Images/002/profile/01.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"Pair_list_P.txt:3: names .*002/profile/01.jpg"):
        CFPPairs(str(cfp)).check()
    with pytest.raises(FileNotFoundError, match="the folder with Protocol and Data"):
        CFPPairs(str(cfp / "Data")).check()
    with pytest.raises(ValueError, match="CFPPairs.protocol='PF'"):
        CFPPairs(str(cfp), "PF")
