"""The data module: what it reads, refuses, warns of, and makes batches of."""

import warnings

import numpy as np
import pytest

from facerec.align.record import RECORD_FILE, Alignment, record_text
from facerec.data import (
    AllPairs,
    FaceDataModule,
    FolderImages,
    ListImages,
    ListPairs,
    ORLPairs,
    UnreadableImageError,
)
from facerec.data.people import in_both, people_of
from tests.conftest import save_face


def fitted(root, **settings):
    data = FaceDataModule(root=str(root), image_size=(32, 32), batch_size=4, **settings)
    data.setup("fit")
    return data


def test_folders_layout(vggface_root):
    data = fitted(vggface_root)
    assert isinstance(data.train, FolderImages)
    assert data.num_classes == 4
    batches = list(data.train_dataloader())
    assert [batch.images.shape for batch in batches] == [(4, 3, 32, 32)] * 4
    assert sorted(np.concatenate([batch.indices for batch in batches])) == list(range(16))
    assert data.evaluation_sets("val") == ["dev", "pairs"]
    dev, pairs = data.val_dataloader()
    assert sorted(next(iter(dev)).labels.tolist()) == [0, 1, 2, 3]
    assert len(next(iter(pairs)).images) == 6  # 15 pairs, each image once


def test_test_pairs_may_carry_no_labels(vggface_root):
    lines = (vggface_root / "test_pairs.txt").read_text().splitlines()
    (vggface_root / "test_pairs.txt").write_text("".join(f"{line[:-2]}\n" for line in lines))
    data = fitted(vggface_root)
    data.setup("test")
    assert data.pair_sets("test")["pairs"].same is None


def test_unlabelled_or_one_sided_pairs_cannot_be_measured(vggface_root):
    lines = (vggface_root / "val_pairs.txt").read_text().splitlines()
    (vggface_root / "val_pairs.txt").write_text("\n".join(line[:-2] for line in lines))
    with pytest.raises(ValueError, match="carry no labels"):
        fitted(vggface_root)
    (vggface_root / "val_pairs.txt").write_text("\n".join(line for line in lines if line.endswith("1")))
    with pytest.raises(ValueError, match="both genuine and impostor"):
        fitted(vggface_root)


def test_dev_people_must_be_training_people(vggface_root):
    save_face(9, 1, vggface_root / "dev" / "stranger" / "1.jpg")
    with pytest.raises(ValueError, match="1 of 5 dev people are not among the 4 training people, .*'stranger'"):
        fitted(vggface_root)


def test_dev_classes_follow_the_training_people(vggface_root):
    for name in ("n000001", "n000003"):
        (vggface_root / "dev" / name / "9.jpg").unlink()
        (vggface_root / "dev" / name).rmdir()
    dev, _ = fitted(vggface_root).val_dataloader()
    assert next(iter(dev)).labels.tolist() == [1, 3]


def test_broken_images_stop_before_training_or_are_skipped_and_counted(vggface_root):
    (vggface_root / "train" / "n000002" / "3.jpg").write_bytes(b"not an image")
    with pytest.raises(UnreadableImageError, match=r"1 of 16 training images do not decode.*n000002.3.jpg"):
        fitted(vggface_root)
    with pytest.warns(UserWarning, match="skipped 1 of 16 training images"):
        data = fitted(vggface_root, unreadable="skip")
    assert len(data.skipped) == 1
    indices = np.concatenate([batch.indices for batch in data.train_dataloader()])
    assert 6 not in indices  # s2's third
    for path in (vggface_root / "train" / "n000003").iterdir():
        path.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="skipped 5 of 16"),
        pytest.raises(ValueError, match="no training image of 'n000003' decodes"),
    ):
        fitted(vggface_root, unreadable="skip")


def test_broken_image_of_a_pair_is_an_error_even_when_skipping(vggface_root):
    (vggface_root / "ver_data" / "30_1.jpg").write_bytes(b"")
    with pytest.raises(UnreadableImageError, match="val pairs 'pairs'.*30_1.jpg"):
        fitted(vggface_root, unreadable="skip")


def test_shared_people_are_told(tmp_path):
    for person in (1, 2):
        for image in (1, 2):
            save_face(person, image, tmp_path / "train" / f"p{person}" / f"{image}.jpg")
            save_face(person, image, tmp_path / "ver_data" / f"p{person}" / f"{image}.jpg")
    (tmp_path / "val_pairs.txt").write_text("p1/1.jpg p1/2.jpg 1\np1/1.jpg p2/1.jpg 0\n")
    with pytest.warns(UserWarning, match=r"2 people are in both the training people and the val pairs \('p1', 'p2'\)"):
        fitted(tmp_path)


def write_lists(root, train_label, val_people):
    """Training people 1 and 2 by a list, and pairs of the given people, all in folders of their names."""
    people = {1, 2, *val_people}
    for person in people:
        for image in (1, 2):
            save_face(person, image, root / "images" / f"p{person}" / f"{image}.png")
    rows = [f"p{person}/{image}.png {train_label(person)}\n" for person in (1, 2) for image in (1, 2)]
    (root / "train.txt").write_text("".join(rows))
    first, second = val_people
    (root / "val_pairs.txt").write_text(f"p{first}/1.png p{first}/2.png 1\np{first}/1.png p{second}/1.png 0\n")


def test_shared_people_are_told_of_lists_that_number_them(tmp_path):
    write_lists(tmp_path, lambda person: person - 1, (2, 3))
    with pytest.warns(UserWarning, match=r"1 person is in both the training people and the val pairs \('p2'\)"):
        fitted(tmp_path)


def test_numbers_that_only_count_are_no_names(tmp_path):
    """Two lists that number their people from 0 do not share them; identifiers that do not count are compared."""
    for name, labels in {"a": (0, 1), "b": (0, 1), "c": (17, 40), "d": (40, 99)}.items():
        for label in labels:
            for image in (1, 2):
                save_face(label % 9 + 1, image, tmp_path / name / f"{label}_{image}.png")
        rows = [f"{label}_{image}.png {label}\n" for label in labels for image in (1, 2)]
        (tmp_path / name / "labels.txt").write_text("".join(rows))

    def source(name):
        return ListImages(str(tmp_path / name), str(tmp_path / name / "labels.txt"))

    def people(first, second):
        return in_both(people_of(source(first)), people_of(AllPairs(source(second))))

    assert people("a", "b") is None
    assert people("a", "c") is None
    assert people("c", "d") == {"40"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = FaceDataModule(train=source("a"), val_pairs={"b": AllPairs(source("b"))}, image_size=(32, 32))
        data.setup("fit")
    data = FaceDataModule(train=source("c"), val_pairs={"d": AllPairs(source("d"))}, image_size=(32, 32))
    with pytest.warns(UserWarning, match=r"1 person is in both the training people and the val pairs \('40'\)"):
        data.setup("fit")


def test_an_image_in_two_roles_is_told(tmp_path):
    """Where nobody knows who is on the images of the pairs, their names still tell."""
    for person in (1, 2, 3):
        for image in (1, 2):
            save_face(person, image, tmp_path / f"{person}{image}.png")
    labels = [f"{person}{image}.png {person}\n" for person in (1, 2) for image in (1, 2)]
    (tmp_path / "train.txt").write_text("".join(labels))
    (tmp_path / "val.txt").write_text("31.png 32.png 1\n31.png 21.png 0\n")
    (tmp_path / "test.txt").write_text("31.png 32.png 1\n31.png 22.png 0\n")
    train = ListImages(str(tmp_path), str(tmp_path / "train.txt"))
    pairs = {name: {name: ListPairs(str(tmp_path), str(tmp_path / f"{name}.txt"))} for name in ("val", "test")}
    data = FaceDataModule(train=train, dev=train, val_pairs=pairs["val"], test_pairs=pairs["test"], image_size=(32, 32))
    with pytest.warns(UserWarning, match="in both") as warned:
        data.setup("fit")
    said = [str(warning.message) for warning in warned]
    for text in (
        "4 images are in both the training images and the dev images (",
        "1 image is in both the training images and the val pairs (",
        "1 image is in both the training images and the test pairs (",
        "2 images are in both the val pairs and the test pairs (",
    ):
        assert any(text in line for line in said), (text, said)


def test_one_person_is_nobody_to_tell_apart_and_one_image_no_person(tmp_path):
    for person in (1, 2):
        save_face(person, 1, tmp_path / "train" / f"p{person}" / "1.png")
    for image in (1, 2):
        save_face(3, image, tmp_path / "ver_data" / f"{image}.png")
    save_face(4, 1, tmp_path / "ver_data" / "3.png")
    (tmp_path / "val_pairs.txt").write_text("1.png 2.png 1\n1.png 3.png 0\n")
    with pytest.warns(UserWarning, match="no training person has two images"):
        fitted(tmp_path)
    (tmp_path / "train" / "p2" / "1.png").rename(tmp_path / "train" / "p1" / "2.png")
    (tmp_path / "train" / "p2").rmdir()
    with pytest.warns(UserWarning, match="the training images show one person, 'p1'"):
        fitted(tmp_path)


def test_order_is_a_function_of_seed_and_epoch(vggface_root):
    def order(seed, epoch):
        loader = fitted(vggface_root, seed=seed).train_dataloader()
        loader.sampler.set_epoch(epoch)
        return np.concatenate([batch.indices for batch in loader]).tolist()

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(0, 0)), tuple(order(0, 1)), tuple(order(1, 0))}) == 3


def test_workers_change_nothing(vggface_root):
    plain = [batch.images for batch in fitted(vggface_root).train_dataloader()]
    workers = [batch.images for batch in fitted(vggface_root, num_workers=2).train_dataloader()]
    assert all((a == b).all() for a, b in zip(plain, workers, strict=True))


@pytest.mark.parametrize(("settings", "batches"), [({}, 4), ({"images_per_person": 2}, 5)])
def test_the_batches_of_an_epoch_are_known_before_an_image_is_read(tmp_path, settings, batches):
    for person, count in enumerate([9, 3, 3, 2], start=1):  # the batches of people follow the one with most images
        for number in range(1, count + 1):
            save_face(person, number, tmp_path / "train" / f"p{person}" / f"{number}.png")
    unread = FaceDataModule(root=str(tmp_path), image_size=(32, 32), batch_size=4, **settings)
    assert unread.batches_of_epoch == len(fitted(tmp_path, **settings).train_dataloader()) == batches


def test_a_set_smaller_than_a_batch_still_trains(vggface_root):
    data = FaceDataModule(root=str(vggface_root), image_size=(32, 32), batch_size=100)
    data.setup("fit")
    assert [len(batch.labels) for batch in data.train_dataloader()] == [16]


@pytest.mark.parametrize(
    "settings", [{"batch_size": 0}, {"eval_batch_size": 0}, {"num_workers": -1}, {"unreadable": "warn"}]
)
def test_bad_settings_name_themselves(settings):
    with pytest.raises(ValueError, match=f"data.{next(iter(settings))}"):
        FaceDataModule(root="x", **settings)


def test_a_test_says_that_its_pairs_are_the_validation_pairs(vggface_root, recwarn):
    data = FaceDataModule(root=str(vggface_root), image_size=(32, 32))
    data.setup("test")
    assert not recwarn.list
    (vggface_root / "test_pairs.txt").write_text((vggface_root / "val_pairs.txt").read_text())
    data = FaceDataModule(root=str(vggface_root), image_size=(32, 32))
    with pytest.warns(UserWarning, match=r"6 images are in both the val pairs and the test pairs \('.*30_1.jpg', "):
        data.setup("test")


def test_broken_validation_pairs_do_not_stop_a_test(vggface_root):
    (vggface_root / "val_pairs.txt").write_text("no pair\n1\n")
    FaceDataModule(root=str(vggface_root), image_size=(32, 32)).setup("test")


def test_the_alignment_is_that_of_the_training_images(vggface_root):
    data = FaceDataModule(root=str(vggface_root))
    assert data.alignment is None
    aligned = Alignment("yunet", "yuface 1", "112x112")
    (vggface_root / RECORD_FILE).write_text(record_text(aligned))
    assert data.alignment == aligned
    assert FaceDataModule(val_pairs={}).alignment is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dev", "a set cannot be called 'dev', the name of the dev images: rename it"),
        ("a/b", "a set cannot be called 'a/b', because names hold no '/': rename it"),
        (False, "YAML reads the name False as no text: put it in quotes"),
        (2023, "YAML reads the name 2023 as no text: put it in quotes"),
    ],
)
def test_a_set_of_pairs_needs_a_usable_name(name, message):
    with pytest.raises(ValueError, match=rf"data.val_pairs: {message}"):
        FaceDataModule(val_pairs={name: ORLPairs("val")}).setup("validate")
