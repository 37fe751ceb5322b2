"""RFW: the folder as distributed, of four races, one of whose people is under two."""

import numpy as np
import pytest

from facerec.align.landmarks import find_template
from facerec.align.warp import align_face
from facerec.data import AlignedRFWPairs, RFWPairs
from facerec.data.formats.rfw import RACES
from facerec.data.images import read_image
from tests.data.cases import encoded, shows


@pytest.fixture
def rfw(tmp_path):
    """Three people of each race with two images; the third Asian is the third Indian too. Ten folds of two pairs."""
    for place, race in enumerate(RACES):
        people = [f"m.0{race[0].lower()}{race[1]}{number}" for number in range(3)]
        people[2] = "m.0both" if race in ("Asian", "Indian") else people[2]
        for person, name in enumerate(people):
            folder = tmp_path / "test" / "data" / race / name
            folder.mkdir(parents=True)
            for number in (1, 2):
                (folder / f"{name}_{number:04d}.jpg").write_bytes(encoded(25 * place + 5 * person + number))
        lines = []
        for fold in range(10):
            one, other = people[fold % 3], people[(fold + 1) % 3]
            lines += [f"{one}\t1\t2", f"{one}\t1\t{other}\t{fold % 2 + 1}"]
        (tmp_path / "test" / "txts" / race).mkdir(parents=True)
        (tmp_path / "test" / "txts" / race / f"{race}_pairs.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_all_races_with_folds_and_groups(rfw):
    source = RFWPairs(str(rfw))
    source.check()
    assert len(source.pairs) == 80
    np.testing.assert_array_equal(source.folds, np.tile(np.repeat(np.arange(10), 2), 4))
    races = [[source.name(index).split("/")[-3] for index in pair] for pair in source.pairs]
    assert races == [[race, race] for race in RACES for _ in range(20)]
    [groups] = source.groups.values()
    assert len(groups) == 10
    assert groups["m.0ca0"] == "Caucasian"
    assert "m.0both" not in groups
    assert source.subjects is not None
    assert len(set(source.subjects.tolist())) == 11
    assert shows(26, int(source.pairs[20, 0]))(source)  # the first Asian


def test_one_race_and_the_folder_of_the_test(rfw):
    source = RFWPairs(str(rfw / "test"), races=["Indian"])
    assert len(source.pairs) == 20
    assert set(source.groups["race"].values()) == {"Indian"}
    with pytest.raises(ValueError, match="RFWPairs.races='Martian'"):
        RFWPairs(str(rfw), races=["Martian"])


def test_what_is_missing_or_malformed_is_named(rfw):
    (rfw / "test/data/Indian/m.0in1/m.0in1_0002.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"Indian_pairs.txt:3: names .*m.0in1_0002.jpg"):
        RFWPairs(str(rfw)).check()
    (rfw / "test/txts/African/African_pairs.txt").write_text("m.0af0\t1\tx\n")
    with pytest.raises(ValueError, match="African_pairs.txt:1: 'x' is not a number from 1"):
        RFWPairs(str(rfw)).check()
    (rfw / "test/txts/Asian/Asian_pairs.txt").unlink()
    with pytest.raises(FileNotFoundError, match="no list .*Asian_pairs.txt"):
        RFWPairs(str(rfw), races=["Asian"]).check()


@pytest.fixture
def with_points(rfw):
    """The same with points of every image of ``data``, in an order of their own: each image has others."""
    for race in RACES:
        images = sorted((rfw / "test" / "data" / race).glob("*/*.jpg"), reverse=True)
        lines = [
            f"/test/data/{race}/{path.parent.name}/{path.name}\t{place // 2}\t" + points_of(place)
            for place, path in enumerate(images)
        ]
        (rfw / "test" / "txts" / race / f"{race}_lmk.txt").write_text("\n".join(lines) + "\n")
    return rfw


def points_of(place):
    return "\t".join(map(str, [1 + place / 10, 2, 6, 2, 4, 3, 2.5, 5, 5.5, 5]))


def test_images_are_aligned_by_the_points_of_the_set(with_points):
    source, unaligned = AlignedRFWPairs(str(with_points), template="96x112"), RFWPairs(str(with_points))
    source.check()
    assert source.pairs.tolist() == unaligned.pairs.tolist()
    assert source.groups == unaligned.groups
    for index in range(len(source)):
        path = with_points / "test" / "data" / unaligned.paths.relative(index)
        place = sorted(path.parents[1].glob("*/*.jpg"), reverse=True).index(path)
        points = np.array(points_of(place).split(), dtype=np.float64).reshape(5, 2)
        assert source.read(index).equal(align_face(read_image(path), points, find_template("96x112")))
    assert source.alignment.template == "96x112"
    assert "m.0both" not in source.groups["race"]


def test_points_that_are_missing_or_turned_over_are_named(with_points):
    path = with_points / "test" / "txts" / "Asian" / "Asian_lmk.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[1:]))
    with pytest.raises(ValueError, match=r"Asian_lmk.txt holds no points of Asian/m.0both/m.0both_0002.jpg, one of 1 "):
        AlignedRFWPairs(str(with_points)).check()
    turned = [[*line.split("\t")[:2], "6", "2", "1", "2", *line.split("\t")[6:]] for line in lines]
    path.write_text("\n".join("\t".join(line) for line in turned))
    with pytest.raises(ValueError, match="Asian_lmk.txt: in 6 of 6 faces the left eye is to the right"):
        AlignedRFWPairs(str(with_points)).check()
    with pytest.raises(ValueError, match="template='64x64'"):
        AlignedRFWPairs(str(with_points), template="64x64")
