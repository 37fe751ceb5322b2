"""Folds of people: who validates and who trains, for any source."""

import numpy as np
import pytest

from facerec.data import FaceDataModule, ORLImages, ORLPairs, PeopleFold
from facerec.data.layouts import Sources, find_sources
from facerec.data.people_folds import in_fold


def people(module: FaceDataModule) -> tuple[set[str], set[str]]:
    [pairs] = module.pair_sets("val").values()
    return set(module.identities), set(pairs.people)


def test_each_person_of_the_training_list_validates_in_one_fold(vggface_root):
    folds = [people(FaceDataModule(str(vggface_root), fold=PeopleFold(index, of=2))) for index in (1, 2)]
    everyone = set(FaceDataModule(str(vggface_root)).identities)
    assert folds[0][1] | folds[1][1] == everyone
    assert not folds[0][1] & folds[1][1]
    for trained_on, validating in folds:
        assert trained_on == everyone - validating
        assert len(validating) == 2


def test_the_images_and_pairs_of_a_fold_are_those_of_its_people(vggface_root):
    given = find_sources(str(vggface_root))
    folded = in_fold(given, PeopleFold(1, of=2))
    for images, all_images in ((folded.train, given.train), (folded.dev, given.dev)):
        files = {all_images.name(index): index for index in range(len(all_images))}
        for index in range(len(images)):
            place = files[images.name(index)]
            assert images.identities[images.labels[index]] == all_images.identities[all_images.labels[place]]
            assert images.read(index).equal(all_images.read(place))
        batch = images.read_batch(np.arange(len(images)), (8, 8))
        places = [files[images.name(index)] for index in range(len(images))]
        assert batch.equal(all_images.read_batch(np.array(places), (8, 8)))
        assert images.folders() == [all_images.folders()[place] for place in places]
    pairs = folded.val_pairs["fold"]
    owner = [pairs.images.identities[label] for label in pairs.subjects]
    assert owner == [pairs.name(index).split("/")[-2] for index in range(len(pairs))]
    assert [owner[first] == owner[second] for first, second in pairs.pairs] == pairs.same.tolist()
    assert len({frozenset(pair) for pair in pairs.pairs.tolist()}) == len(pairs.pairs)
    # two people of four images: 2 * 6 genuine pairs and all 16 impostor pairs
    assert (int(pairs.same.sum()), int((~pairs.same).sum())) == (12, 16)
    assert folded.test_pairs == given.test_pairs


def test_a_fitting_data_module_validates_on_the_fold(vggface_root):
    module = FaceDataModule(str(vggface_root), fold=PeopleFold(2, of=2), image_size=(16, 16), num_workers=0)
    module.setup("fit")
    assert module.num_classes == 2
    assert module.evaluation_sets("val") == ["dev", "fold"]
    assert len(next(iter(module.val_dataloader()[1])).images) == 8


def test_a_large_person_gives_ten_images():
    module = FaceDataModule(train=_Many(), fold=PeopleFold(1, of=2))
    pairs = module.pair_sets("val")["fold"]
    assert np.bincount(pairs.subjects).tolist() == [10, 10]
    assert int(pairs.same.sum()) == 2 * 45
    assert int((~pairs.same).sum()) == 100


class _Many(ORLImages):
    """Four people of 30 images, without folds of their own."""

    labels = np.repeat(np.arange(4), 30)
    identities = ("a", "b", "c", "d")

    def __len__(self):
        return 120

    def name(self, index):
        return f"{index}.png"

    def of_fold(self, fold):
        return None


@pytest.mark.parametrize("of", [3, 5])
def test_orl_has_groups_of_its_own_which_spare_the_test_people(of):
    given = Sources(ORLImages("train"), ORLImages("dev"), {"orl": ORLPairs("val")}, {"orl": ORLPairs("test")})
    seen = []
    for index in range(1, of + 1):
        folded = in_fold(given, PeopleFold(index, of))
        validating = folded.val_pairs["orl"].people
        assert not validating & set(folded.train.identities)
        assert folded.dev.identities == folded.train.identities
        assert len(validating) == 30 // of
        assert len(folded.train.identities) == 30 - 30 // of
        assert folded.test_pairs == given.test_pairs
        seen += sorted(validating)
    assert seen == [f"s{person:02d}" for person in range(1, 31)]


def test_a_group_of_six_is_a_fold_of_five():
    for group in range(1, 6):
        folded = ORLImages("train").of_fold(PeopleFold(group, of=5))
        assert folded.identities == ORLImages("train", validation=group).identities


def test_too_many_folds_are_refused_with_the_way_out(vggface_root):
    module = FaceDataModule(str(vggface_root), fold=PeopleFold(1, of=3))
    assert module.num_classes is None
    with pytest.raises(ValueError, match="data.fold.of=3: 4 training people are too few.*smaller data.fold.of"):
        module.setup("fit")


def test_pairs_alone_can_be_measured_whatever_the_fold(vggface_root):
    given = find_sources(str(vggface_root))._replace(train=None, dev=None)
    assert in_fold(given, PeopleFold(1, of=3)) == given
