"""A folder of people becomes lists and pairs; running it again moves nobody; what is odd is left out and counted."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from facerec.data import FaceDataModule, FolderImages
from facerec.data.formats.folders import people_folders
from facerec.data.layouts import find_sources
from facerec.data.leaks import shared_images, shared_people
from facerec.preparation import SplitSettings, split, splitting
from facerec.preparation.split_lists import parts_in
from tests.conftest import face, save_face

QUIET = SplitSettings(shares=(50, 25, 25))


def add_people(root: Path, **counts: int) -> Path:
    """Files that name themselves: to split does not open them as images."""
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for image in range(count):
            (root / name / f"{image}.jpg").write_text(f"{name} {image}")
    return root


@pytest.fixture
def faces(tmp_path):
    return add_people(tmp_path / "faces", **{f"p{number:02d}": 2 + number % 5 for number in range(40)})


def lines(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def people_in(rows) -> set[str]:
    return {name.partition("/")[0] for row in rows for name in row if "/" in name}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_lists_hold_what_the_summary_counts(faces, tmp_path):
    done = split(faces, tmp_path / "set", QUIET)
    lists = {name: lines(tmp_path / "set" / name) for name in os.listdir(tmp_path / "set") if name.endswith(".txt")}
    assert sorted(lists) == ["dev.txt", "test_pairs.txt", "train.txt", "val_pairs.txt"]
    people = {name: people_in(rows) for name, rows in lists.items()}
    assert people["dev.txt"] <= people["train.txt"]
    assert not people["train.txt"] & people["val_pairs.txt"]
    assert not people["train.txt"] & people["test_pairs.txt"]
    assert not people["val_pairs.txt"] & people["test_pairs.txt"]
    assert sum(map(len, (people["train.txt"], people["val_pairs.txt"], people["test_pairs.txt"]))) == 40
    files = {"train": "train.txt", "validation": "val_pairs.txt", "test": "test_pairs.txt"}
    assert done.people == {part: len(people[file]) for part, file in files.items()}
    assert (done.images["train"], done.images["dev"]) == (len(lists["train.txt"]), len(lists["dev.txt"]))
    trained = [f"{name}/{image.name}" for name in people["train.txt"] for image in (faces / name).iterdir()]
    assert sorted([row[0] for row in lists["train.txt"] + lists["dev.txt"]]) == sorted(trained)
    assert done.pairs["test"] == tuple([row[2] for row in lists["test_pairs.txt"]].count(mark) for mark in "10")
    assert done.pairs["test"][0] == done.pairs["test"][1]
    assert json.loads((tmp_path / "set" / "split.json").read_text())["counts"]["images"] == done.images
    assert not done.left_out_people
    assert not done.left_out_images


def test_fit_reads_it_and_finds_no_leak(faces, tmp_path):
    done = split(faces, tmp_path / "set", QUIET)
    data = FaceDataModule(root=str(tmp_path / "set"))
    assert isinstance(data.train, FolderImages)
    assert data.dev is not None
    data.train.check()
    data.dev.check()
    pairs = {stage: list(data.pair_sets(stage).values()) for stage in ("val", "test")}
    for some in (*pairs["val"], *pairs["test"]):
        some.check()
        assert some.subjects is not None  # intervals by person, and identification
    assert data.identities == sorted(people_in(lines(tmp_path / "set" / "train.txt")))
    assert (len(data.train), len(data.dev)) == (done.images["train"], done.images["dev"])
    assert pairs["val"][0].same.sum() == done.pairs["validation"][0]
    assert shared_people(data.train, pairs) == shared_images(data.train, data.dev, pairs) == []


def test_adding_people_and_images_moves_nobody(faces, tmp_path):
    split(faces, tmp_path / "set", QUIET)
    before = parts_in(tmp_path / "set")
    genuine = {tuple(row) for row in lines(tmp_path / "set" / "val_pairs.txt") if row[2] == "1"}
    dev = {row[0] for row in lines(tmp_path / "set" / "dev.txt")}
    add_people(faces, **{f"q{number:02d}": 4 for number in range(60)})
    done = split(faces, tmp_path / "set", QUIET)
    after = parts_in(tmp_path / "set")
    assert after.items() >= before.items()
    assert len(after) == 100
    assert done.moved == []
    assert genuine <= {tuple(row) for row in lines(tmp_path / "set" / "val_pairs.txt")}
    assert dev <= {row[0] for row in lines(tmp_path / "set" / "dev.txt")}


def test_the_same_split_is_the_same_to_the_byte(faces, tmp_path):
    split(faces, tmp_path / "set", QUIET)
    first = contents(tmp_path / "set")
    split(faces, tmp_path / "set", QUIET)
    split(faces, tmp_path / "again", SplitSettings(shares=(0.5, 0.25, 0.25)))
    assert contents(tmp_path / "set") == contents(tmp_path / "again") == first
    split(faces, tmp_path / "other", SplitSettings(shares=(50, 25, 25), seed=5))
    assert parts_in(tmp_path / "other") != parts_in(tmp_path / "set")


def test_other_settings_need_another_folder(faces, tmp_path):
    split(faces, tmp_path / "set", QUIET)
    first = contents(tmp_path / "set")
    with pytest.raises(ValueError, match=r"was split with other settings: seed=0 before, 3 now. Give another folder"):
        split(faces, tmp_path / "set", SplitSettings(shares=(50, 25, 25), seed=3))
    assert contents(tmp_path / "set") == first
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "val_pairs.txt").write_text("a b 1\n")
    with pytest.raises(ValueError, match=r"own holds val_pairs.txt, which is not of `facerec split`"):
        split(faces, tmp_path / "own", QUIET)
    with pytest.raises(ValueError, match=r"is in .*faces, where it would be a person"):
        split(faces, faces / "set", QUIET)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file, not a folder"):
        split(faces, tmp_path / "file", QUIET)


def test_a_split_that_was_killed_is_refused_and_can_be_given_again(faces, tmp_path, monkeypatch):
    def killed(path, content):
        if path.name == "val_pairs.txt":
            raise KeyboardInterrupt
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)

    monkeypatch.setattr("facerec.preparation.split_lists.write_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        split(faces, tmp_path / "set", QUIET)
    with pytest.raises(ValueError, match="was not split to the end: give the same `facerec split` command again"):
        find_sources(str(tmp_path / "set"))
    monkeypatch.undo()
    split(faces, tmp_path / "set", QUIET)
    assert find_sources(str(tmp_path / "set")).test_pairs


def test_no_people_to_test_on(faces, tmp_path):
    done = split(faces, tmp_path / "set", SplitSettings(shares=(85, 15, 0)))
    assert done.people["test"] == 0
    assert not (tmp_path / "set" / "test_pairs.txt").exists()
    data = FaceDataModule(root=str(tmp_path / "set"))
    with pytest.warns(UserWarning, match=r"no test pairs: dev accuracy .*`facerec split PEOPLE SET` writes it"):
        data.setup("test")


def test_people_of_few_images(tmp_path):
    """Training needs images of a person; pairs take everybody, those of one image as impostors."""
    faces = add_people(tmp_path / "faces", **{f"p{number:02d}": 1 + number % 3 for number in range(60)}, nobody=0)
    (faces / "nobody" / "empty.jpg").touch()
    done = split(faces, tmp_path / "set", SplitSettings(shares=(50, 50, 0), min_images=3, dev_share=0.9))
    rows = lines(tmp_path / "set" / "train.txt")
    assert {name: [row[0] for row in rows].count(f"{name}/0.jpg") for name in people_in(rows)}
    assert all(int(name[1:]) % 3 == 2 for name in people_in(rows))
    images_left = [row[0].partition("/")[0] for row in rows]
    assert min(images_left.count(name) for name in people_in(rows)) == 2  # though nearly all are to be dev images
    pairs = lines(tmp_path / "set" / "val_pairs.txt")
    singles = {name for name in people_in(pairs) if int(name[1:]) % 3 == 0}
    assert singles
    assert not singles & people_in(row for row in pairs if row[2] == "1")
    untrained = done.left_out_people["with fewer than 3 images to train on"]
    assert untrained + done.people["train"] + done.people["validation"] == 60
    assert done.left_out_people["without images"] == 1
    assert done.left_out_images == {"of no bytes": 1}
    everyone = split(faces, tmp_path / "all", SplitSettings(shares=(50, 50, 0), min_images=1, dev_share=0.0))
    assert everyone.people["train"] == done.people["train"] + untrained
    assert everyone.images["dev"] == 0
    assert not (tmp_path / "all" / "dev.txt").exists()


def test_options_of_the_pairs(faces, tmp_path):
    done = split(faces, tmp_path / "set", SplitSettings(shares=(50, 25, 25), pairs_per_person=1, impostor_ratio=2.5))
    for part in ("validation", "test"):
        genuine, impostor = done.pairs[part]
        assert genuine == done.people[part]
        assert impostor == round(2.5 * genuine)


def test_odd_names_are_listed_or_counted(faces, tmp_path):
    for name in ("Zoë 人", "with space", "a.b", "./dots.".strip("./"), "-", "p 1 0"):
        add_people(faces, **{name: 3})
    for name in ("tab\there", "line\nbreak", " ahead"):
        add_people(faces, **{name: 2})
    (faces / "p00" / os.fsdecode(b"\xff.jpg")).write_text("no UTF-8")
    (faces / "p01" / " inner space .jpg").write_text("fine")
    (faces / "p02" / "dead.jpg").symlink_to("nowhere")
    (faces / "p03" / "session").mkdir()
    (faces / "p03" / "session" / "deep.jpg").write_text("too deep")
    (faces / "p04" / "._0.jpg").write_text("hidden")
    (faces / "p04" / "notes.txt").write_text("no image")
    (faces / ".hidden").mkdir()
    done = split(faces, tmp_path / "set", QUIET)
    assert done.left_out_images == {
        "with an unusable name": 7, "unreadable": 1, "in folders within people's folders": 1
    }  # fmt: skip
    assert done.left_out_people == {"without images": 3}
    parts = parts_in(tmp_path / "set")
    assert parts.keys() >= {"Zoë 人", "with space", "a.b", "dots", "-", "p 1 0"}
    data = FaceDataModule(root=str(tmp_path / "set"))
    for source in (data.train, data.dev, *data.pair_sets("val").values(), *data.pair_sets("test").values()):
        source.check()
    assert set(data.identities) == {name for name, part in parts.items() if part == "train"}
    (faces / "gone").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match="gone is a link that leads nowhere"):
        split(faces, tmp_path / "set", QUIET)


def test_where_the_people_are(faces, tmp_path):
    """In the folder given, or one level down, in train/ or under any other name."""
    split(faces, tmp_path / "set", QUIET)
    for name in ("train", "lfw-deepfunneled"):
        root = tmp_path / f"root of {name}"
        shutil.copytree(faces, root / name)
        assert split(root, tmp_path / f"set of {name}", QUIET).root == root / name
        assert parts_in(tmp_path / f"set of {name}") == parts_in(tmp_path / "set")
    shutil.copytree(faces, tmp_path / "root of train" / "dev")
    with pytest.raises(ValueError, match=r"holds several folders of people \(dev, train\): give one of them"):
        split(tmp_path / "root of train", tmp_path / "set", QUIET)
    with pytest.raises(FileNotFoundError, match="no folder .*none: expected one folder of images for each person"):
        split(tmp_path / "none", tmp_path / "set", QUIET)
    shutil.copytree(faces, tmp_path / "archive" / "lfw" / "lfw_funneled")
    deeper = split(tmp_path / "archive", tmp_path / "deeper", QUIET)
    assert deeper.root == tmp_path / "archive" / "lfw" / "lfw_funneled"
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match="bare holds no folders of images, nor do the folders in it"):
        split(tmp_path / "bare", tmp_path / "set", QUIET)
    assert people_folders(tmp_path / "bare") == []


def test_a_set_with_pairs_is_not_divided_again(vggface_root, tmp_path):
    with pytest.raises(
        ValueError, match="holds val_pairs.txt, so it is divided already: give a folder of people in it"
    ):
        split(vggface_root, tmp_path / "set")


@pytest.mark.parametrize("inside", ["", "train"])
def test_the_lists_may_lie_among_the_people_or_above_them(faces, tmp_path, inside):
    root = tmp_path / "root"
    shutil.copytree(faces, root / inside)
    for _ in range(2):
        split(root, root, QUIET)
        sources = find_sources(str(root))
        assert sources.train.name(0).startswith(str(root / inside))
        sources.train.check()
    assert json.loads((root / "split.json").read_text())["images"] == (inside or ".")
    split(root, tmp_path / "elsewhere", SplitSettings(shares=(50, 25, 25), seed=5))


def test_both_folders_can_be_moved_together_and_either_alone_is_said(faces, tmp_path):
    (tmp_path / "before").mkdir()
    faces = faces.rename(tmp_path / "before" / "faces")
    split(faces, tmp_path / "before" / "set", QUIET)
    (tmp_path / "before").rename(tmp_path / "after")
    moved = tmp_path / "after" / "set"
    find_sources(str(moved)).train.check()
    (tmp_path / "after" / "faces").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"says that its images are in .*after/faces, .*Move it back, or run"):
        find_sources(str(moved))
    split(tmp_path / "elsewhere", moved, QUIET)
    find_sources(str(moved)).train.check()


def test_through_links(faces, tmp_path):
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    faces.rename(tmp_path / "disk" / "deep" / "faces")
    faces.symlink_to(tmp_path / "disk" / "deep" / "faces")
    (tmp_path / "sets").symlink_to(tmp_path / "disk")
    split(faces, tmp_path / "sets" / "one", QUIET)
    find_sources(str(tmp_path / "sets" / "one")).train.check()
    find_sources(str(tmp_path / "disk" / "one")).train.check()
    split(tmp_path / "sets" / "deep" / ".." / "deep" / "faces", tmp_path / "two", QUIET)
    find_sources(str(tmp_path / "two")).train.check()


def test_a_root_that_shares_nothing_with_the_lists_is_named_in_full(faces, tmp_path):
    from facerec.data.formats.split_record import place_of_images

    assert place_of_images(Path("/somewhere/faces"), tmp_path / "set") == "/somewhere/faces"
    assert place_of_images(faces, tmp_path / "set") == "../faces"


def test_the_record_of_another_program_is_none_and_a_broken_one_is_said(vggface_root):
    (vggface_root / "split.json").write_text('{"train": 0.8}')
    assert find_sources(str(vggface_root)).train.listed is None
    (vggface_root / "split.json").write_text('{"format": "facerec split 1", "images": ')
    with pytest.raises(ValueError, match="split.json is not a record of `facerec split` any more"):
        find_sources(str(vggface_root))
    with pytest.raises(FileNotFoundError, match="holds no split.json of `facerec split`"):
        find_sources(str(vggface_root / "train"), "split")


def shared_between(faces, first, second):
    shutil.copy(faces / first / "0.jpg", faces / second / "copy.jpg")


def test_people_who_share_a_file_are_told_kept_out_of_impostor_pairs_and_together_when_asked(faces, tmp_path):
    split(faces, tmp_path / "before", QUIET)
    parts = parts_in(tmp_path / "before")
    some, other = sorted(name for name, part in parts.items() if part == "validation")[:2]
    trained = min(name for name, part in parts.items() if part == "train")
    shared_between(faces, some, other)
    shared_between(faces, trained, some)
    done = split(faces, tmp_path / "set", QUIET)
    assert parts_in(tmp_path / "set") == parts
    assert sorted(map(sorted, done.shared)) == sorted(
        sorted(group) for group in ([f"{some}/0.jpg", f"{other}/copy.jpg"], [f"{trained}/0.jpg", f"{some}/copy.jpg"])
    )
    assert sorted(map(sorted, lines(tmp_path / "set" / "shared_images.txt"))) == sorted(map(sorted, done.shared))
    assert done.divided == sorted([some, other, trained])
    for row in lines(tmp_path / "set" / "val_pairs.txt"):
        assert people_in([row]) != {some, other}
    together = SplitSettings(shares=(50, 25, 25), keep_together=True)
    done = split(faces, tmp_path / "together", together)
    after = parts_in(tmp_path / "together")
    assert after[some] == after[other] == after[trained] == parts[min(some, other, trained)]
    assert {name: part for name, part in after.items() if name not in (some, other, trained)}.items() <= parts.items()
    assert done.divided == []
    assert len(done.shared) == 2
    others_before = parts_in(tmp_path / "together")
    mover = next(name for name, part in after.items() if part != after[some] and name not in (some, other, trained))
    shared_between(faces, mover, other)
    done = split(faces, tmp_path / "together", together)
    now = parts_in(tmp_path / "together")
    assert done.moved == sorted(name for name in now if now[name] != others_before[name]) != []


def test_a_copy_of_ones_own_image_counts_once(tmp_path):
    """It would be a genuine pair of an image with itself, and a dev image that was trained on."""
    faces = add_people(tmp_path / "faces", **{f"p{number:02d}": 3 for number in range(40)})
    for person in faces.iterdir():
        shutil.copy(person / "0.jpg", person / "z.jpg")
    done = split(faces, tmp_path / "set", QUIET)
    assert done.left_out_images == {"copies of an image of the same person": 40}
    assert done.shared == []
    assert "z.jpg" not in "".join(path.read_text() for path in (tmp_path / "set").glob("*.txt"))


def test_files_of_one_size_are_told_apart_and_large_ones_read_in_the_middle(tmp_path):
    faces = add_people(tmp_path / "faces", **{f"p{number:02d}": 2 for number in range(20)})
    body = bytes(range(256)) * 100
    (faces / "p00" / "a.jpg").write_bytes(body)
    (faces / "p01" / "a.jpg").write_bytes(body)
    (faces / "p02" / "a.jpg").write_bytes(body[:-1] + b"\0")  # alike in its middle
    (faces / "p03" / "a.jpg").write_bytes(b"\1" + body[1:])
    done = split(faces, tmp_path / "set", QUIET)
    assert done.shared == [["p00/a.jpg", "p01/a.jpg"]]


@pytest.fixture
def real_faces(tmp_path):
    for person in range(1, 13):
        for image in (1, 2, 3):
            save_face(person, image, tmp_path / "real" / f"s{person:02d}" / f"{image}.png")
    return tmp_path / "real"


def test_near_images_are_found_on_request(real_faces, tmp_path):
    ImageEnhance.Brightness(Image.open(face(1, 1)).convert("RGB")).enhance(1.2).save(real_faces / "s02" / "light.jpg")
    Image.open(face(3, 2)).convert("RGB").save(real_faces / "s03" / "again.jpg")
    (real_faces / "s04" / "broken.jpg").write_bytes(b"<html>")
    settings = SplitSettings(shares=(50, 25, 25), seed=1)
    assert split(real_faces, tmp_path / "cheap", settings).shared == []
    settings = SplitSettings(shares=(50, 25, 25), seed=1, near_distance=30)
    done = split(real_faces, tmp_path / "near", settings)
    assert done.shared == [["s01/1.png", "s02/light.jpg"]]
    assert done.left_out_images == {"copies of an image of the same person": 1, "unreadable": 1}
    assert "shared_images.txt" in os.listdir(tmp_path / "near")
    assert not [name for name in os.listdir(tmp_path / "near") if "journal" in name]


def test_an_interrupted_search_for_near_images_goes_on(real_faces, tmp_path, monkeypatch):
    settings = SplitSettings(shares=(50, 25, 25), seed=1, near_distance=30)
    monkeypatch.setattr(splitting, "divide", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        split(real_faces, tmp_path / "set", settings)
    assert (tmp_path / "set" / "split.journal").is_file()
    monkeypatch.undo()
    monkeypatch.setattr("facerec.inspection.examination.examine", lambda *_: 1 / 0)  # nothing is decoded again
    split(real_faces, tmp_path / "set", settings)
    assert not (tmp_path / "set" / "split.journal").exists()
