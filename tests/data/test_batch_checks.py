"""Whether batches suit the loss, without a data module."""

import pytest

from facerec import losses
from facerec.data.batch_checks import check_images_per_person, check_mix, check_positives
from facerec.transforms.mix import Mix


def test_a_loss_on_pairs_needs_images_of_one_person():
    (message,) = check_positives(losses.Triplet(), None, 1, 500)
    assert message.startswith("Triplet learns from images of the same person in a batch, and a plain shuffle of 500")
    with pytest.raises(ValueError, match="images_per_person=1 gives Triplet no two images"):
        check_positives(losses.Triplet(), 1, 1, 500)


@pytest.mark.parametrize(
    ("loss", "images_per_person", "views"),
    [(losses.Triplet(), 2, 1), (losses.Triplet(), 1, 2), (losses.SupCon(), None, 2), (losses.Softmax(), 1, 1)],
)
def test_others_are_content(loss, images_per_person, views):
    assert check_positives(loss, images_per_person, views, 500) == []


def test_without_a_loss_nothing_is_asked():
    assert check_positives(None, 1, 1, 500) == []
    check_mix(Mix(mixup=1.0), None)


def test_mixing_needs_a_loss_that_takes_soft_labels():
    check_mix(Mix(mixup=1.0), losses.Softmax())
    check_mix(None, losses.ArcFace())
    with pytest.raises(ValueError, match=r"data.mix=.* and model.loss=ArcFace needs one person"):
        check_mix(Mix(mixup=1.0), losses.ArcFace())


def test_a_batch_holds_whole_people():
    check_images_per_person(None, 7)
    check_images_per_person(4, 8)
    with pytest.raises(ValueError, match="data.batch_size=8 and data.images_per_person=3"):
        check_images_per_person(3, 8)
