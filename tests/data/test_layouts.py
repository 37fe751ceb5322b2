"""Which sources a root folder gives to which role."""

import pytest

from facerec.data import FaceDataModule, FolderImages, ListImages, UnlabelledImages
from facerec.data.formats.folders import people_folders
from facerec.data.layouts import find_sources, resolve_sources
from facerec.preparation import SplitSettings, split
from tests.conftest import save_face, write_pairs
from tests.data.test_datamodule import fitted


@pytest.mark.parametrize("base", ["cls_data", "."])
def test_hw2p2_layout(tmp_path, base):
    for part, image in (("train", 1), ("dev", 2)):
        folder = tmp_path / base / part
        for person, label in ((1, 5), (2, 11)):
            save_face(person, image, folder / "images" / f"{label}.jpg")
        (folder / "labels.txt").write_text("11.jpg 11\n5.jpg 5\n")
    write_pairs(tmp_path, tmp_path / "ver_data")
    data = fitted(tmp_path)
    assert isinstance(data.train, ListImages)
    assert data.identities == ["5", "11"]
    assert data.evaluation_sets("test") == ["dev", "pairs"]


def hw2p2(root, test_labels):
    """A small HW2P2 root, as the terms hand it out."""
    for part, image in (("train", 1), ("dev", 2), ("test", 3)):
        for name, person in (("b.jpg", 1), ("a.jpg", 2)):
            save_face(person, image, root / "cls_data" / part / "images" / name)
        if part != "test" or test_labels:
            (root / "cls_data" / part / "labels.txt").write_text("b.jpg 0\na.jpg 1\n")
    write_pairs(root, root / "ver_data")
    return root


def test_hw2p2_test_images_come_in_the_order_of_their_list_or_of_their_names(tmp_path):
    listed = find_sources(str(hw2p2(tmp_path / "S25", test_labels=True))).test
    assert isinstance(listed, ListImages)
    assert [listed.name(index)[-5:] for index in range(2)] == ["b.jpg", "a.jpg"]
    unlabelled = find_sources(str(hw2p2(tmp_path / "S26", test_labels=False))).test
    assert isinstance(unlabelled, UnlabelledImages)
    assert [unlabelled.name(index)[-5:] for index in range(2)] == ["a.jpg", "b.jpg"]
    assert unlabelled.read(0).shape == (3, 112, 92)


def test_the_folder_of_an_archive_is_found(tmp_path):
    hw2p2(tmp_path / "HW2p2_S25", test_labels=True)
    assert fitted(tmp_path).num_classes == 2
    hw2p2(tmp_path / "hw2p2_data", test_labels=True)
    with pytest.raises(ValueError, match=r"holds several sets \(HW2p2_S25, hw2p2_data\): give one of these"):
        find_sources(str(tmp_path))


def test_lists_layout(tmp_path):
    for person in (1, 2):
        for image in (1, 2):
            save_face(person, image, tmp_path / "images" / f"p{person}" / f"{image}.jpg")
    (tmp_path / "train.txt").write_text("p1/1.jpg 0\np2/1.jpg 1\n")
    (tmp_path / "dev.txt").write_text("p1/2.jpg 0\np2/2.jpg 1\n")
    write_pairs(tmp_path, tmp_path / "images")
    assert fitted(tmp_path).num_classes == 2


def test_layout_can_be_named_and_must_be_when_two_fit(vggface_root):
    (vggface_root / "train.txt").write_text("x 0\n")
    with pytest.raises(ValueError, match="fits the layouts lists and folders: name one with data.layout"):
        find_sources(str(vggface_root))
    assert fitted(vggface_root, layout="folders").num_classes == 4
    with pytest.raises(ValueError, match="choose one of folders, hw2p2, lists, split"):
        find_sources(str(vggface_root), "tar")  # type: ignore[arg-type]


def test_what_is_missing_is_said(tmp_path, vggface_root):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        fitted(tmp_path / "none")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match="holds neither training images nor pairs: expected train/<person>"):
        fitted(tmp_path / "bare")
    with pytest.raises(ValueError, match="no data: give --data.root DIR"):
        FaceDataModule().setup("fit")


def test_pairs_may_be_left_out(vggface_root):
    for name in ("val_pairs.txt", "test_pairs.txt"):
        (vggface_root / name).unlink()
    data = fitted(vggface_root)
    assert data.evaluation_sets("val") == ["dev"]
    (vggface_root / "dev").rename(vggface_root / "other")
    data = fitted(vggface_root)
    assert data.evaluation_sets("val") == []
    for stage, name in (("validate", "val"), ("test", "test")):
        with pytest.raises(ValueError, match=f"nothing to measure: no {name} pairs, and no dev images"):
            data.setup(stage)


def test_a_named_source_takes_the_place_of_that_of_the_root(vggface_root, tmp_path):
    """Even where its list is missing: to find sources reads none of them."""
    named = ListImages(str(tmp_path), str(tmp_path / "none.txt"))
    sources = resolve_sources(str(vggface_root), None, named, None, None, {})
    assert sources.train is named
    assert isinstance(sources.dev, FolderImages)
    assert list(sources.val_pairs) == ["pairs"]
    assert sources.test_pairs == {}


@pytest.mark.parametrize("people", [".", "lfw", "images", "lfw/lfw_funneled"])
def test_a_folder_of_people_gets_the_command_that_divides_it(tmp_path, people):
    save_face(1, 1, tmp_path / people / "ann" / "1.png")
    place = (tmp_path / people).as_posix()
    with pytest.raises(ValueError, match=rf"looks like one folder for each .*`facerec split {place} SET`"):
        find_sources(str(tmp_path))


def test_several_folders_of_people_are_all_named(tmp_path):
    for place in ("old/ann", "old/bob", "new/ann", "new/bob"):
        save_face(1, 1, tmp_path / place / "1.png")
    names = f"{tmp_path}/new, {tmp_path}/old"
    with pytest.raises(ValueError, match=rf"holds several folders of people \({names}\). .* give that"):
        find_sources(str(tmp_path))


def test_a_folder_of_pictures_beside_the_people_is_no_person(tmp_path):
    save_face(1, 1, tmp_path / "docs" / "figure.png")
    for person in ("ann", "bob"):
        save_face(1, 1, tmp_path / "images" / person / "1.png")
    assert people_folders(tmp_path) == [tmp_path / "images"]
    save_face(1, 1, tmp_path / "more" / "1.png")  # two such folders are people themselves
    assert people_folders(tmp_path) == [tmp_path]


def test_people_one_level_too_deep_in_train_are_found_by_the_message(vggface_root):
    (vggface_root / "train").rename(vggface_root / "images")
    (vggface_root / "train").mkdir()
    (vggface_root / "images").rename(vggface_root / "train" / "images")
    with pytest.raises(ValueError, match=rf"if these folders are the people, give {vggface_root}/train/images; else"):
        fitted(vggface_root)


def test_the_root_may_hold_a_home_and_variables(vggface_root, monkeypatch):
    monkeypatch.setenv("HOME", str(vggface_root.parent))
    monkeypatch.setenv("FACES", "faces")
    assert fitted("~/faces").num_classes == 4
    assert fitted("~/$FACES", layout="folders").num_classes == 4
    assert fitted("${HOME}/faces").root == str(vggface_root)


def test_split_layout(vggface_root, tmp_path):
    people = vggface_root / "train"
    split(people, tmp_path / "set", SplitSettings(shares=(50, 50, 0), seed=7, dev_share=0.5))
    data = fitted(tmp_path / "set")
    assert data.identities == sorted(data.identities)
    assert set(data.identities) < {person.name for person in people.iterdir()}
    assert data.evaluation_sets("val") == ["dev", "pairs"]
    assert data.pair_sets("test") == {}
    (tmp_path / "set" / "dev.txt").unlink()
    assert find_sources(str(tmp_path / "set")).dev is None
