"""FaceDataModule: sources in, batches out, and nobody in two of the three groups of people unnoticed."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from numpy.typing import NDArray
from torch.utils.data.distributed import DistributedSampler

from facerec.data.batches import Batch, BatchLoader, SourceDataset, as_loaded, readable
from facerec.data.images import UnreadableImageError
from facerec.data.layouts import Layout, find_sources
from facerec.data.people import People, are_numbers, in_both, names_of, people_of
from facerec.data.samplers import IdentityBalancedSampler
from facerec.data.sources import ImageSource, PairSource
from facerec.transforms.augment import Augment
from facerec.transforms.mix import Mix

DEV = "dev"
SEED_STRIDE = 1_000_003
VERIFY_UP_TO = 20_000  # images decoded once before training; larger sets are checked as they are read


class FaceDataModule(LightningDataModule):
    """Training images, dev images of the same people, and named sets of pairs of other people.

    Give a ``root`` and what is under it is told by its layout (see :mod:`facerec.data.layouts`), or name the sources
    one by one, or both: a named source takes the place of what the root would give.

    Args:
        root: your folder, in one of the known layouts.
        layout: to name the layout of ``root`` rather than have it told.
        train: labelled images to train on.
        dev: other images of the same people, for dev accuracy.
        val_pairs: named sets of pairs of validation people. They choose the checkpoint and calibrate the threshold.
        test_pairs: named sets of pairs of test people, looked at by ``facerec test`` alone.
        augment: what happens to training images; by default a horizontal flip.
        mix: mixup and cutmix, after augmentation; by default none. For a loss that takes soft labels (Softmax).
        batch_size: training images in a batch, for each process.
        images_per_person: K: make batches of batch_size / K people with K images each, which losses on pairs
            (Triplet, SupCon, ...) need. By default a plain shuffle.
        views: how often each training image is in its batch, augmented anew each time; 2 for SupCon.
        eval_batch_size: images in a batch of validation and testing.
        num_workers: processes that read images; 0 reads them in the training process.
        unreadable: ``raise`` stops at an image that does not decode (before training in sets of up to 20,000 images,
            which are decoded once; at its turn in larger ones). ``skip`` decodes every training and dev image once
            before training, leaves the broken ones out and reports how many. Images of pairs are never skipped.
        image_size: (height, width) that images are resized to. Linked from ``model.image_size`` on the command line.
        seed: of the order of the images and of augmentation. Linked from ``seed_everything`` on the command line.

    Raises:
        ValueError: for a batch size below 1 or a negative number of workers.
    """

    def __init__(
        self,
        root: str | None = None,
        layout: Layout | None = None,
        train: ImageSource | None = None,
        dev: ImageSource | None = None,
        val_pairs: dict[str, PairSource] | None = None,
        test_pairs: dict[str, PairSource] | None = None,
        augment: Augment | None = None,
        mix: Mix | None = None,
        batch_size: int = 128,
        images_per_person: int | None = None,
        views: int = 1,
        eval_batch_size: int = 256,
        num_workers: int = 0,
        unreadable: Literal["raise", "skip"] = "raise",
        image_size: tuple[int, int] = (112, 112),
        seed: int = 0,
    ) -> None:
        super().__init__()
        if batch_size < 1 or eval_batch_size < 1 or num_workers < 0:
            raise ValueError(
                f"data.batch_size={batch_size} and data.eval_batch_size={eval_batch_size} must be at least 1, "
                f"data.num_workers={num_workers} at least 0"
            )
        if views < 1:
            raise ValueError(f"data.views={views}: must be at least 1")
        if images_per_person is not None and (images_per_person < 1 or batch_size % images_per_person):
            raise ValueError(
                f"data.batch_size={batch_size} and data.images_per_person={images_per_person}: a batch holds "
                "whole people, so the first must be a multiple of the second"
            )
        self.root, self.layout = root, layout
        self._given = (train, dev, val_pairs, test_pairs)
        self._train: ImageSource | None = None
        self._dev: ImageSource | None = None
        self._pairs: dict[str, dict[str, PairSource]] | None = None
        self.augment = augment or Augment()
        self.mix = mix
        self.batch_size = batch_size
        self.images_per_person = images_per_person
        self.views = views
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.unreadable = unreadable
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.seed = seed
        self.skipped: list[str] = []
        self._train_dataset: SourceDataset | None = None
        self._dev_dataset: SourceDataset | None = None
        self._dev_is_unknown = False

    # What the data is

    def _find(self) -> None:
        """Put the named sources and those of the root together, once."""
        if self._pairs is not None:
            return
        train, dev, val_pairs, test_pairs = self._given
        if self.root is not None:
            found = find_sources(self.root, self.layout)
            train, dev = train or found.train, dev or found.dev
            val_pairs = found.val_pairs if val_pairs is None else val_pairs
            test_pairs = found.test_pairs if test_pairs is None else test_pairs
        elif all(source is None for source in self._given):
            raise ValueError("no data: give --data.root DIR, or name sources (data.train, data.val_pairs, ...)")
        self._train, self._dev = train, dev
        self._pairs = {"val": dict(val_pairs or {}), "test": dict(test_pairs or {})}

    @property
    def train(self) -> ImageSource | None:
        """The training images, if there are any."""
        self._find()
        return self._train

    @property
    def dev(self) -> ImageSource | None:
        """The dev images, if there are any."""
        self._find()
        return self._dev

    def pair_sets(self, stage: Literal["val", "test"]) -> Mapping[str, PairSource]:
        """The named sets of pairs of a stage."""
        self._find()
        assert self._pairs is not None
        return self._pairs[stage]

    @property
    def identities(self) -> list[str]:
        """Names of the training people; the index is the class. Empty without training images."""
        return list(self.train.identities) if self.train is not None else []

    @property
    def num_classes(self) -> int | None:
        """Number of training people; None where they cannot be read (then ``setup`` says why, if it matters)."""
        try:
            return len(self.identities) or None
        except (OSError, ValueError):
            return None

    # Checks before the first step

    def setup(self, stage: str) -> None:
        """Read the lists and see that the files are there and decode, before anything is trained or measured.

        Raises:
            FileNotFoundError: naming what is missing.
            ValueError: naming what is malformed, or the role that nothing was given for.
        """
        if stage == "fit" and self._train_dataset is None:
            self._check_mix()
            self._train_dataset = self._setup_train()
            self._dev_dataset = self.dev_dataset(self.identities)
            self._warn_of_shared_people()
            self._warn_of_shared_images()
        if stage in ("fit", "validate"):
            self._check_pairs("val")
        if stage == "test":
            self._check_pairs("test")

    def _check_mix(self) -> None:
        """See that the loss takes the soft labels that mixing gives."""
        loss = self._loss()
        if self.mix is not None and not getattr(loss, "takes_soft_labels", True):
            raise ValueError(
                f"data.mix={self.mix} gives each image shares of two people, and model.loss={type(loss).__name__} "
                "needs one person for its margin or its pairs: take data.mix out, or train with Softmax"
            )

    def _loss(self) -> object:
        return getattr(self.trainer.lightning_module, "loss", None) if self.trainer is not None else None

    def _setup_train(self) -> SourceDataset:
        train = self.train
        if train is None:
            raise ValueError(f"data.root={self.root} holds no training images, and data.train names none")
        train.check()
        if len(train) == 0:
            raise ValueError("data.train holds no images")
        if len(train.identities) < 2:
            rank_zero_warn(
                f"the training images show one person, {train.identities[0]!r}: there is nothing to tell apart"
            )
        elif np.bincount(train.labels).max() < 2:
            rank_zero_warn("no training person has two images: a network learns no person from one image")
        return SourceDataset(train, self.image_size, indices=self._decodable(train, "training"))

    def dev_dataset(self, identities: Sequence[str]) -> SourceDataset | None:
        """The dev images with the classes of the model, or None without dev images.

        Args:
            identities: names of the people the model was trained on; the index is the class.

        Raises:
            ValueError: naming a dev person who is not among them.
        """
        dev = self.dev
        if dev is None:
            return None
        class_of = {name: index for index, name in enumerate(identities)}
        strangers = [name for name in dev.identities if name not in class_of]
        if strangers:
            raise ValueError(
                f"{len(strangers)} of {len(dev.identities)} dev people are not among the {len(identities)} training "
                f"people, {strangers[0]!r} for one: dev accuracy needs other images of the same people"
            )
        dev.check()
        class_of_dev = np.array([class_of[name] for name in dev.identities], dtype=np.int64)
        return SourceDataset(dev, self.image_size, class_of_dev[dev.labels], self._decodable(dev, "dev"))

    def _check_pairs(self, stage: Literal["val", "test"]) -> None:
        sets = self.pair_sets(stage)
        if not sets:
            raise ValueError(
                f"no {stage} pairs: give data.{stage}_pairs, or {stage}_pairs.txt under data.root={self.root} with "
                "lines 'image image 1' (one person) or 'image image 0' (two people)"
            )
        for name, pairs in sets.items():
            if name == DEV or "/" in name:
                raise ValueError(f"data.{stage}_pairs: a set cannot be called {name!r}")
            pairs.check()
            if pairs.same is None:
                raise ValueError(f"the {stage} pairs {name!r} carry no labels, so nothing can be measured on them")
            if pairs.same.all() or not pairs.same.any():
                raise ValueError(f"the {stage} pairs {name!r} need both genuine and impostor pairs")
            if len(pairs) <= VERIFY_UP_TO:
                _, broken = readable(pairs, f"checking {name}")
                if broken:
                    raise UnreadableImageError(f"{len(broken)} images of the {stage} pairs {name!r}: {broken[0]}")

    def _decodable(self, source: ImageSource, role: str) -> NDArray[np.int64]:
        """Indices of the images to use; the others are refused or, if so set, skipped and reported."""
        if self.unreadable == "raise" and len(source) > VERIFY_UP_TO:
            return np.arange(len(source))
        good, broken = readable(source, f"checking {role} images")
        if broken and self.unreadable == "raise":
            raise UnreadableImageError(
                f"{len(broken)} of {len(source)} {role} images do not decode, the first: {broken[0]}. "
                "Remove them, or leave them out with --data.unreadable skip"
            )
        if broken:
            rank_zero_warn(f"skipped {len(broken)} of {len(source)} {role} images, the first: {broken[0]}")
            lost = sorted(set(source.labels.tolist()) - set(source.labels[good].tolist()))
            if lost:
                raise ValueError(f"no {role} image of {source.identities[lost[0]]!r} decodes: {broken[0]}")
        self.skipped += broken
        return good

    def _warn_of_shared_people(self) -> None:
        """Say so where training, validation and test people are not apart, as far as names tell."""
        groups: dict[str, list[People]] = {}
        for stage in ("val", "test"):
            try:
                groups[f"{stage} pairs"] = [people_of(pairs) for pairs in self.pair_sets(stage).values()]
            except (OSError, ValueError):
                continue  # a broken test list is for `facerec test` to report; it must not stop a training
        if self.train is None or not any(some.told_by for people in groups.values() for some in people):
            return  # nobody to compare with: millions of training images need not be gone through
        groups = {"training people": [people_of(self.train)]} | groups
        for (first, people), (second, others) in combinations(groups.items(), 2):
            shared = set[str]().union(*(in_both(some, other) or () for some, other in product(people, others)))
            if any({some.told_by, other.told_by} == {"folder", "label"} for some, other in product(people, others)):
                rank_zero_warn(
                    f"whether the {first} are among the people of the {second} cannot be told: one is known by numbers "
                    "and the other by folders. `facerec inspect` compares their photographs"
                )
            if shared:
                rank_zero_warn(
                    f"{len(shared)} people are in both the {first} and the {second}, {min(shared)!r} for one: an error "
                    "rate on people that training or the choice of checkpoint has seen is too low"
                )

    def _warn_of_seen_people(self, stage: Literal["val", "test"]) -> None:
        """In an evaluation, say so where the model was trained on people of the pairs, as far as names tell."""
        identities = self._identities_of_the_model()
        if self.trainer is None or self.trainer.state.fn == "fit" or are_numbers(set(identities)):
            return
        people = [people_of(pairs) for pairs in self.pair_sets(stage).values()]
        seen = set[str]().union(*(in_both(People(identities, some.told_by), some) or () for some in people))
        if seen:
            rank_zero_warn(
                f"{len(seen)} people of the {stage} pairs are called as people that the model was trained on, "
                f"{min(seen)!r} for one: an error rate on people whom training has seen is too low"
            )

    def _identities_of_the_model(self) -> list[str]:
        model = self.trainer.lightning_module if self.trainer is not None else None
        return list(getattr(model, "identities", []))

    def _warn_of_shared_images(self) -> None:
        """Say so where one image has two roles, as far as names tell."""
        groups = {"dev images": set(names_of(self.dev))} if self.dev is not None else {}
        for stage in ("val", "test"):
            try:
                groups[f"{stage} pairs"] = {
                    name for pairs in self.pair_sets(stage).values() for name in names_of(pairs)
                }
            except (OSError, ValueError):
                continue  # as above
        others = set[str]().union(*groups.values())
        if self.train is not None and others:  # else there is no reason to go through millions of names
            groups = {"training images": others.intersection(names_of(self.train))} | groups
        for (first, names), (second, more) in combinations(groups.items(), 2):
            if shared := names & more:
                rank_zero_warn(
                    f"{len(shared)} images are in both the {first} and the {second}, {min(shared)!r} for one: a number "
                    "measured on what training or the choice of checkpoint has seen is too good"
                )

    # Batches

    def train_dataloader(self) -> BatchLoader:
        """Shuffled batches, of people with equally many images if so set; the order is a function of (seed, epoch).

        Raises:
            ValueError: if a batch can never hold two images of a person and the loss learns from those alone.
        """
        assert self._train_dataset is not None
        self._check_positives()
        sampler = self._balanced_sampler() or self._sampler(self._train_dataset, shuffle=True)
        drop_last = len(sampler) >= self.batch_size  # a last batch of one image has no batch statistics
        return self._loader(self._train_dataset, sampler, self.batch_size, drop_last)

    def _check_positives(self) -> None:
        """See that a loss on pairs gets pairs of images of one person."""
        loss = self._loss()
        if not getattr(loss, "needs_positives", False) or self.views > 1:
            return
        name = type(loss).__name__
        if self.images_per_person == 1:
            raise ValueError(
                f"data.images_per_person=1 gives {name} no two images of a person in a batch: set it to 2 or more, or "
                "data.views=2"
            )
        if self.images_per_person is None:
            rank_zero_warn(
                f"{name} learns from images of the same person in a batch, and a plain shuffle of {self.num_classes} "
                "people brings few together: set data.images_per_person (4, say), or data.views=2"
            )

    def _balanced_sampler(self) -> IdentityBalancedSampler | None:
        if self.images_per_person is None:
            return None
        if getattr(self.trainer, "overfit_batches", 0):
            rank_zero_warn(
                "trainer.overfit_batches takes the images in their order: data.images_per_person has no effect, and a "
                "batch may show one person alone"
            )
        assert self._train_dataset is not None
        replicas, rank = self._processes()
        people = self.batch_size // self.images_per_person
        return IdentityBalancedSampler(
            self._train_dataset, people, self.images_per_person, replicas, rank, self.seed * SEED_STRIDE
        )

    def val_dataloader(self) -> list[BatchLoader]:
        """The dev images, if the model knows their people, then the unique images of each set of pairs."""
        return self._evaluation_loaders("val")

    def test_dataloader(self) -> list[BatchLoader]:
        """As for validation, with the test pairs."""
        return self._evaluation_loaders("test")

    def evaluation_sets(self, stage: Literal["val", "test"]) -> list[str]:
        """Names of the evaluation loaders, in their order: ``dev`` if it is there, then the sets of pairs."""
        return ([DEV] if self._known_dev_dataset() is not None else []) + list(self.pair_sets(stage))

    def _known_dev_dataset(self) -> SourceDataset | None:
        """The dev images; in an evaluation, only where the checkpoint knows their people."""
        if self._dev_dataset is None and not self._dev_is_unknown:
            try:
                self._dev_dataset = self.dev_dataset(self._identities_of_the_model())
            except (ValueError, FileNotFoundError) as error:
                self._dev_is_unknown = True
                rank_zero_info(f"No dev accuracy: {error}")
        return self._dev_dataset

    def _evaluation_loaders(self, stage: Literal["val", "test"]) -> list[BatchLoader]:
        self._warn_of_seen_people(stage)
        dev = self._known_dev_dataset()
        datasets = [] if dev is None else [dev]
        datasets += [SourceDataset(pairs, self.image_size) for pairs in self.pair_sets(stage).values()]
        return [
            self._loader(dataset, self._sampler(dataset, shuffle=False), self.eval_batch_size, drop_last=False)
            for dataset in datasets
        ]

    def _sampler(self, dataset: SourceDataset, *, shuffle: bool) -> DistributedSampler[SourceDataset]:
        """Shares the images among the processes; with one process too, since its order is a function of the epoch."""
        replicas, rank = self._processes()
        # torch shuffles by seed + epoch: without a stride, seed 1 would repeat the epochs of seed 0, one later.
        return DistributedSampler(dataset, replicas, rank, shuffle=shuffle, seed=self.seed * SEED_STRIDE)

    def _processes(self) -> tuple[int, int]:
        """How many processes train together, and which this is."""
        return (self.trainer.world_size, self.trainer.global_rank) if self.trainer is not None else (1, 0)

    def train_dataset(self, identities: Sequence[str]) -> SourceDataset | None:
        """The training images, unless they show others than the people the model was trained on."""
        if list(identities) != self.identities:
            return None
        if self._train_dataset is None:
            self._train_dataset = self._setup_train()
        return self._train_dataset

    def plain_loader(self, dataset: SourceDataset, positions: NDArray[np.int64]) -> BatchLoader:
        """Some images of a dataset in the given order, neither shuffled nor shared among the processes."""
        subset = SourceDataset(dataset.source, dataset.size, dataset.labels, dataset.indices[positions])
        return BatchLoader(subset, self.eval_batch_size, num_workers=self.num_workers, collate_fn=as_loaded)  # type: ignore[arg-type]

    def _loader(
        self, dataset: SourceDataset, sampler: DistributedSampler[SourceDataset], batch_size: int, drop_last: bool
    ) -> BatchLoader:
        return BatchLoader(
            dataset,
            batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=as_loaded,  # type: ignore[arg-type]  # torch knows no data sets that make whole batches
            pin_memory=torch.cuda.is_available(),
            drop_last=drop_last,
            persistent_workers=self.num_workers > 0,
        )

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment and mix training images, on the device."""
        if self.trainer is None or not self.trainer.training:
            return batch
        epoch = self.trainer.current_epoch
        # another seed for each view, so that the first is what it would be alone
        seeds = [self.seed + view * SEED_STRIDE for view in range(self.views)]
        images = [self.augment(batch.images, seed, epoch, batch.indices) for seed in seeds]
        labels = [batch.labels] * self.views
        if self.mix is not None and self.num_classes is not None:
            mixed = [
                self.mix(view, batch.labels, self.num_classes, seed, epoch, batch.indices)
                for view, seed in zip(images, seeds, strict=True)
            ]
            images, labels = [view for view, _ in mixed], [shares for _, shares in mixed]
        return Batch(torch.cat(images), torch.cat(labels), batch.indices.repeat(self.views))
