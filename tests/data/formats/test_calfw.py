"""CALFW and CPLFW: folders as distributed, whose images are flat and whose lists take two lines a pair."""

import pytest

from facerec.data import CALFWPairs, CPLFWPairs
from facerec.data.people import people_of
from tests.data.cases import encoded, shows

PEOPLE = ["Ann_Lee", "Bob", "Eve_van_Dam"]


def write(root, list_name, number, lines):
    (root / "aligned images").mkdir()
    for place, person in enumerate(PEOPLE):
        for image in (1, 2):
            (root / "aligned images" / f"{person}_{number(image)}.jpg").write_bytes(encoded(30 * place + image))
    (root / list_name).write_text("\n".join(lines) + "\n")


def test_calfw_keeps_its_folds_and_people(tmp_path):
    genuine = [f"{PEOPLE[fold % 3]}_000{image}.jpg {fold + 1}" for fold in range(10) for image in (1, 2)]
    others = [(PEOPLE[fold % 3], PEOPLE[(fold + 1) % 3]) for fold in range(10)]
    impostor = [f"{person}_0001.jpg 0" for pair in others for person in pair]
    write(tmp_path, "pairs_CALFW.txt", "000{}".format, genuine + impostor)
    source = CALFWPairs(str(tmp_path))
    source.check()
    assert source.same.tolist() == [True] * 10 + [False] * 10
    assert source.folds.tolist() == [*range(10), *range(10)]
    assert source.people == frozenset(PEOPLE)
    assert people_of(source).names[:2] == ["Ann_Lee", "Ann_Lee"]  # as LFW's folders, to compare with
    assert len(set(source.subjects.tolist())) == 3
    assert shows(61, int(source.pairs[2, 0]))(source)


def test_cplfw_reads_marks_of_1_and_0_and_another_folder(tmp_path):
    lines = ["Ann_Lee_1.jpg 1", "Ann_Lee_2.jpg 1", "Bob_1.jpg 0", "Eve_van_Dam_2.jpg 0"]
    write(tmp_path, "pairs_CPLFW.txt", str, lines)
    (tmp_path / "aligned images").rename(tmp_path / "images")
    source = CPLFWPairs(str(tmp_path), images=str(tmp_path / "images"))
    source.check()
    assert (source.same.tolist(), source.folds) == ([True, False], None)
    assert source.subjects.tolist() == [0, 0, 1, 2]
    with pytest.raises(FileNotFoundError, match="aligned images, which holds the images of"):
        CPLFWPairs(str(tmp_path)).check()


def test_people_whom_the_labels_contradict_are_unknown(tmp_path):
    write(tmp_path, "pairs_CPLFW.txt", str, ["Ann_Lee_1.jpg 1", "Bob_2.jpg 1", "Bob_1.jpg 0", "Ann_Lee_2.jpg 0"])
    assert CPLFWPairs(str(tmp_path)).subjects is None


def test_a_missing_image_is_named_with_its_line(tmp_path):
    write(tmp_path, "pairs_CALFW.txt", "000{}".format, ["Ann_Lee_0001.jpg 1", "Ann_Lee_0009.jpg 1"])
    with pytest.raises(FileNotFoundError, match=r"pairs_CALFW.txt:1: names .*Ann_Lee_0009.jpg"):
        CALFWPairs(str(tmp_path)).check()
