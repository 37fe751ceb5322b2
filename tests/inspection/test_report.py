import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerec.cli import main
from facerec.data import AllPairs, FolderImages, ImageSource, LandmarkImages, ListImages, ORLImages, ORLPairs
from facerec.data.people import people_of
from facerec.inspection import examination, inspect_sets, named_sets
from facerec.inspection.examination import _reading
from facerec.inspection.statistics import histogram
from tests.conftest import face, save_face, write_pairs


def rows(output: Path) -> list[dict[str, str]]:
    with (output / "duplicates.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def named(row: dict[str, str]) -> tuple[str, ...]:
    return (
        row["kind"],
        row["relation"],
        *(Path(row[side]).parent.name + "/" + Path(row[side]).name for side in ("image_a", "image_b")),
    )


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Three people in plain folders, as PNG."""
    for person, count in ((1, 2), (3, 3), (5, 1)):
        for image in range(1, count + 1):
            save_face(person, image, tmp_path / "faces" / f"p{person}" / f"{image}.png")
    return tmp_path / "faces"


def test_numbers_of_a_plain_folder(people, tmp_path):
    save_face(5, 2, people / "p5" / "gray.jpg")
    Image.open(face(5, 3)).convert("L").resize((46, 56)).save(people / "p5" / "gray.jpg")
    Image.new("CMYK", (30, 20), (0, 255, 255, 0)).save(people / "p1" / "red.jpg", quality=100)
    (people / "p1" / "empty.jpg").touch()
    report = inspect_sets(named_sets(str(people)), tmp_path / "out").report
    found = report["sets"]["images"]
    assert (found["images"], found["people"], found["people_told_by"]) == (9, 3, "folder")
    assert found["images_per_person"] == {
        "least": 2, "median": 3.0, "mean": 3.0, "most": 4, "histogram": {"2": 1, "3": 1, "4": 1}
    }  # fmt: skip
    assert found["sizes_width_x_height"] == {"92x112": 6, "46x56": 1, "30x20": 1}
    assert found["modes"] == {"RGB": 6, "L": 1, "CMYK": 1}
    assert found["formats"] == {"PNG": 6, "JPEG": 2}
    assert [Path(broken["image"]).name for broken in found["undecodable"]] == ["empty.jpg"]
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report


def test_pixel_mean_and_std_are_those_of_the_pixels(people, tmp_path):
    found = inspect_sets(named_sets(str(people)), tmp_path / "out").report["sets"]["images"]
    pixels = np.stack([np.asarray(Image.open(path)) for path in people.rglob("*.png")]) / 255.0
    np.testing.assert_allclose(found["pixel_mean_rgb"], pixels.mean((0, 1, 2)), atol=6e-5)
    np.testing.assert_allclose(found["pixel_std_rgb"], pixels.std((0, 1, 2)), atol=6e-5)


def test_duplicates_inside_a_person_and_across_people(people, tmp_path):
    shutil.copy(people / "p1" / "1.png", people / "p1" / "copy.png")
    shutil.copy(people / "p1" / "1.png", people / "p3" / "stranger.png")
    Image.open(people / "p3" / "2.png").save(people / "p5" / "again.jpg", quality=60)
    Image.open(people / "p3" / "3.png").crop((0, 0, 91, 111)).save(people / "p3" / "cropped.png")
    report = inspect_sets(named_sets(str(people)), tmp_path / "out").report["duplicates"]
    assert {named(row) for row in rows(tmp_path / "out")} == {
        ("identical", "one person", "p1/1.png", "p1/copy.png"),
        ("identical", "two people", "p1/1.png", "p3/stranger.png"),
        ("near", "two people", "p3/2.png", "p5/again.jpg"),
        ("near", "one person", "p3/3.png", "p3/cropped.png"),
    }
    assert report["identical"] == {"one person": 1, "two people": 1, "unknown": 0}
    assert report["near"] == {"one person": 1, "two people": 1, "unknown": 0}
    assert report["images_beyond_the_first_of_each_photograph"] == {"images": 4}
    assert report["leaks"] == {}
    assert (tmp_path / "out" / "duplicates.png").is_file()


def test_a_copy_of_a_near_image_is_listed_once(people, tmp_path):
    """A, a picture with the hash of A, and a copy of that: two lines, not three."""
    near = Image.open(people / "p5" / "1.png")
    near.save(people / "p5" / "again.png", compress_level=1)  # other bytes, same pixels
    shutil.copy(people / "p5" / "again.png", people / "p5" / "copy.png")
    inspect_sets(named_sets(str(people)), tmp_path / "out")
    assert sorted(named(row) for row in rows(tmp_path / "out")) == [
        ("identical", "one person", "p5/again.png", "p5/copy.png"),
        ("near", "one person", "p5/1.png", "p5/again.png"),
    ]


def test_leaks_between_sets_and_people_in_two_groups(vggface_root, tmp_path):
    shutil.copy(vggface_root / "train" / "n000002" / "3.jpg", vggface_root / "dev" / "n000002" / "old.jpg")
    Image.open(vggface_root / "train" / "n000001" / "1.jpg").save(vggface_root / "ver_data" / "30_1.jpg", quality=40)
    shutil.copy(vggface_root / "ver_data" / "31_1.jpg", vggface_root / "ver_data" / "32_1.jpg")
    report = inspect_sets(named_sets(str(vggface_root)), tmp_path / "out").report
    assert report["duplicates"]["leaks"] == {
        "dev in train": {"identical": 1, "near": 0},
        "val/pairs in train": {"identical": 0, "near": 1},
        "test/pairs in val/pairs": {"identical": 1, "near": 0},
    }
    assert [row["relation"] for row in rows(tmp_path / "out")].count("unknown") == 2  # a flat folder tells no names
    assert set(report["shared_people"].values()) == {None}


def test_the_test_images_of_the_training_people_are_searched_for_leaks(vggface_root, tmp_path):
    for part in ("train", "test"):
        images = vggface_root / "cls_data" / part / "images"
        save_face(1, 1, images / "a.jpg")
        save_face(2, 1, images / "b.jpg")
        (images.parent / "labels.txt").write_text("a.jpg 0\nb.jpg 1\n")
    shutil.rmtree(vggface_root / "train")
    report = inspect_sets(named_sets(str(vggface_root)), tmp_path / "out").report
    assert report["duplicates"]["leaks"]["test in train"] == {"identical": 2, "near": 0}
    assert not any("test " in groups or groups.endswith("test") for groups in report["shared_people"])


def test_pairs_of_one_photograph_are_counted(vggface_root, tmp_path):
    shutil.copy(vggface_root / "ver_data" / "30_1.jpg", vggface_root / "ver_data" / "30_2.jpg")
    shutil.copy(vggface_root / "ver_data" / "30_1.jpg", vggface_root / "ver_data" / "31_2.jpg")
    found = inspect_sets(named_sets(str(vggface_root)), tmp_path / "out").report["duplicates"]
    assert found["pairs_of_one_photograph"] == {
        "val/pairs": {"genuine": 1, "impostor": 2},
        "test/pairs": {"genuine": 0, "impostor": 0},
    }


def test_people_of_lists_are_known_by_their_folders(tmp_path):
    """Labels number the training people; that person 0 is also in the pairs shows only in the folder's name."""
    root = tmp_path / "root"
    for person in (1, 2, 3):
        for image in (1, 2):
            save_face(person, image, root / "images" / f"person_{person}" / f"{image}.png")
    (root / "train.txt").write_text("".join(f"person_{p}/{i}.png {p - 1}\n" for p in (1, 2) for i in (1, 2)))
    (root / "val_pairs.txt").write_text(
        "person_2/1.png person_2/2.png 1\nperson_2/1.png person_3/1.png 0\nperson_3/1.png person_3/2.png 1\n"
    )
    report = inspect_sets(named_sets(str(root)), tmp_path / "out").report
    assert report["sets"]["train"]["people_told_by"] == "folder"
    assert report["shared_people"] == {"train and val/pairs": 1}
    assert report["duplicates"]["leaks"] == {"val/pairs in train": {"identical": 2, "near": 0}}
    assert report["duplicates"]["identical"]["one person"] == 2


def test_people_without_folders_are_their_labels(tmp_path):
    for person in (1, 2):
        save_face(person, 1, tmp_path / f"{person}.png")
    (tmp_path / "labels.txt").write_text("1.png 7\n2.png 9\n")
    people = people_of(ListImages(str(tmp_path), str(tmp_path / "labels.txt")))
    assert people == (["7", "9"], "label")
    assert people_of(ORLImages("dev")).told_by == "folder"
    assert people_of(ORLPairs("val")).names[:2] == ["s25", "s25"]


def test_sources_without_files_are_compared_by_pixels(tmp_path):
    class Memory(ImageSource):
        identities = ("a", "b")
        labels = np.array([0, 0, 1])

        def __len__(self):
            return 3

        def read(self, index):
            return ORLImages("train").read([5, 20, 5][index])

        def name(self, index):
            return f"record {index}"

    found = inspect_sets({"train": Memory()}, tmp_path / "out").report
    assert found["duplicates"]["identical"] == {"one person": 0, "two people": 1, "unknown": 0}
    assert found["sets"]["train"]["modes"] == {}
    assert found["sets"]["train"]["sizes_width_x_height"] == {"92x112": 3}


def test_an_interrupted_run_goes_on(people, tmp_path, monkeypatch):
    whole = inspect_sets(named_sets(str(people)), tmp_path / "whole").report
    monkeypatch.setattr(examination, "IMAGES_AT_ONCE", 2)
    examine = examination.examine
    examined: list[str] = []

    def killed_at_the_fifth(images, index):
        if len(examined) == 4:
            raise KeyboardInterrupt
        examined.append(images.name(index))
        return examine(images, index)

    monkeypatch.setattr(examination, "examine", killed_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        inspect_sets(named_sets(str(people)), tmp_path / "out")
    assert not (tmp_path / "out" / "report.json").exists()
    with (tmp_path / "out" / "journal.jsonl").open("a") as journal:
        journal.write('["half a li')  # what a kill leaves
    again: list[str] = []
    monkeypatch.setattr(examination, "examine", lambda images, index: again.append(index) or examine(images, index))
    assert inspect_sets(named_sets(str(people)), tmp_path / "out").report == whole
    assert again == [4, 5]
    again.clear()
    inspect_sets(named_sets(str(people)), tmp_path / "out")
    assert again == []
    Image.open(face(9, 9)).save(people / "p1" / "1.png")  # changed: another size and time
    inspect_sets(named_sets(str(people)), tmp_path / "out")
    assert again == [0]


def test_workers_find_the_same(people, tmp_path):
    alone = inspect_sets(named_sets(str(people)), tmp_path / "alone").report
    assert inspect_sets(named_sets(str(people)), tmp_path / "together", workers=2).report == alone


def test_a_journal_of_another_version_is_begun_anew(people, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "journal.jsonl").write_text('{"facerec inspect journal": 0}\n["x", []]\n')
    inspect_sets(named_sets(str(people)), out)
    assert '["x"' not in (out / "journal.jsonl").read_text()


def test_pictures_are_there_and_an_old_one_is_not_left(people, tmp_path):
    copy = people / "p1" / "copy.png"
    shutil.copy(people / "p1" / "1.png", copy)
    inspect_sets(named_sets(str(people)), tmp_path / "out")
    sheet = Image.open(tmp_path / "out" / "contact_sheet.png")
    assert sheet.height > 3 * 96  # three people
    assert Image.open(tmp_path / "out" / "histogram.png").width > 100
    copy.unlink()
    inspect_sets(named_sets(str(people)), tmp_path / "out")
    assert not (tmp_path / "out" / "duplicates.png").exists()
    assert not [file for file in (tmp_path / "out").iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize(
    ("counts", "bars"),
    [
        ([], []),
        ([3, 3, 5], [("3", 2), ("4", 0), ("5", 1)]),
        ([1, 1, 2, 3, 530], [("1", 2), ("2-3", 2), ("4-7", 0), ("8-15", 0), ("16-31", 0), ("32-63", 0), ("64-127", 0),
                             ("128-255", 0), ("256-511", 0), ("512-530", 1)]),
        ([5, 6, 40], [("5-7", 2), ("8-15", 0), ("16-31", 0), ("32-40", 1)]),
    ],
)  # fmt: skip
def test_histogram_counts_everyone_once(counts, bars):
    assert [(bar.label, bar.people) for bar in histogram(np.array(counts, dtype=np.int64))] == bars


def test_a_folder_of_nothing_says_what_is_expected(tmp_path):
    with pytest.raises(ValueError, match="neither training images nor pairs"):
        named_sets(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        named_sets(str(tmp_path / "nowhere"))


def test_a_set_of_pairs_alone(tmp_path):
    write_pairs(tmp_path, tmp_path / "images")
    report = inspect_sets(named_sets(str(tmp_path)), tmp_path / "out").report
    assert list(report["sets"]) == ["val/pairs", "test/pairs"]
    assert report["sets"]["val/pairs"]["people"] is None
    assert isinstance(named_sets(str(tmp_path))["val/pairs"], type(named_sets(str(tmp_path))["test/pairs"]))
    assert not isinstance(named_sets(str(tmp_path))["val/pairs"], FolderImages)


def test_numbers_of_two_lists_do_not_say_who_is_on_one_photograph(tmp_path):
    """Class 0 of the training list and class 0 of another list are not one person."""
    for name, people in (("train", (1, 2)), ("others", (2, 3))):
        for person in people:
            save_face(person, 1, tmp_path / name / f"{person}.png")
        (tmp_path / name / "labels.txt").write_text("".join(f"{p}.png {n}\n" for n, p in enumerate(people)))
    train, others = (
        ListImages(str(tmp_path / name), str(tmp_path / name / "labels.txt")) for name in ("train", "others")
    )
    found = inspect_sets({"train": train, "val/others": AllPairs(others)}, tmp_path / "out").report
    assert found["duplicates"]["identical"] == {"one person": 0, "two people": 0, "unknown": 1}
    assert found["shared_people"] == {"train and val/others": None}
    found = inspect_sets({"train": train, "dev": train}, tmp_path / "dev").report
    assert found["duplicates"]["identical"]["one person"] == 2


def test_the_journal_knows_how_a_file_was_read(people, tmp_path):
    """Another template, other points and a source that is wrapped: each makes other pixels of the same files."""
    points = "\t29\t47\t61\t47\t45\t68\t32\t85\t58\t85\n"
    (tmp_path / "landmarks.txt").write_text("".join(f"p{p}/1.png{points}" for p in (1, 3)))

    def sizes(source):
        return inspect_sets({"train": source}, tmp_path / "out").report["sets"]["train"]["sizes_width_x_height"]

    def aligned(template):
        return LandmarkImages(str(people), str(tmp_path / "landmarks.txt"), template=template)

    assert sizes(aligned("112x112")) == {"112x112": 2}
    assert sizes(aligned("96x112")) == {"96x112": 2}
    assert sizes(AllPairs(aligned("112x112"))) == {"112x112": 2}
    before = _reading(aligned("112x112"))
    (tmp_path / "landmarks.txt").write_text((tmp_path / "landmarks.txt").read_text() + f"p1/2.png{points}")
    assert _reading(aligned("112x112")) != before


def test_workers_below_zero_are_refused(people, tmp_path):
    with pytest.raises(ValueError, match="inspect_sets workers=-1: must be at least 0"):
        inspect_sets(named_sets(str(people)), tmp_path / "out", workers=-1)
    assert not (tmp_path / "out").exists()


def test_nothing_that_decodes_is_still_a_report(tmp_path):
    for person in ("a", "b"):
        (tmp_path / "faces" / person).mkdir(parents=True)
        (tmp_path / "faces" / person / "1.jpg").write_text("<html>")
    found = inspect_sets({"train": FolderImages(str(tmp_path / "faces"))}, tmp_path / "out").report
    assert found["sets"]["train"]["undecodable"]
    assert (tmp_path / "out" / "report.json").is_file()


def test_results_do_not_go_among_the_images(people, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(people)
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", "."])
    assert stopped.value.code == 2
    assert "would lie among the images of .: give --output elsewhere" in capsys.readouterr().err
    assert not (people / "inspection").exists()
