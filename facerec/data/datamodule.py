"""FaceDataModule: sources in, batches out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from numpy.typing import NDArray
from torch.utils.data import Dataset
from torch.utils.data.distributed import DistributedSampler
from torchvision.transforms.v2 import Transform

from facerec.align.record import Alignment
from facerec.data import batch_checks, checks, leaks
from facerec.data.batches import NO_LABEL, Batch, BatchLoader, Loaded, SourceDataset, batch_loader
from facerec.data.checks import Unreadable
from facerec.data.hard_classes import HardClasses
from facerec.data.interfaces import loss_of, trained_people
from facerec.data.kept import KeptImages
from facerec.data.layouts import Layout, Sources, resolve_sources
from facerec.data.people_folds import in_fold
from facerec.data.shallow import Division, Shallow
from facerec.data.sources import ImageSource, PairSource, PeopleFold
from facerec.data.training_set import SEED_STRIDE, TrainingDataset
from facerec.data.transformed import TransformedDataset
from facerec.data.views import augmented, augmented_with_shallow
from facerec.files import expanded
from facerec.machine import choose_workers
from facerec.settings import require_choice, require_within
from facerec.transforms.augment import Augment
from facerec.transforms.mix import Mix
from facerec.transforms.torchvision_transforms import TorchvisionTransforms

DEV = "dev"


class FaceDataModule(LightningDataModule):
    """Training images, dev images of the same people, and named sets of pairs of other people.

    Give a ``root`` in a known layout (see :mod:`facerec.data.layouts`), or name the sources one by one, or both. A
    named source takes the place of the source that the root would give.

    Args:
        root: your folder, in one of the known layouts. ``~`` and ``$VAR`` in it are expanded.
        layout: layout of ``root``; by default it is detected.
        train: labelled images to train on.
        dev: other images of the same people, for dev accuracy.
        val_pairs: named sets of pairs of validation people. They choose the checkpoint and calibrate the threshold.
            Without them dev accuracy chooses the checkpoint, and there is no threshold.
        test_pairs: named sets of pairs of test people. Only ``facerec test`` uses them.
        fold: fold of the people that validates in place of ``val_pairs``, while the others train: see
            :mod:`facerec.data.people_folds`. By default people stay where the sources put them.
        augment: augmentation of training images; by default a horizontal flip.
        mix: mixup and cutmix, after augmentation; by default none. For a loss without margin (Softmax, NormFace).
        transforms: transforms of ``torchvision.transforms.v2`` for training images, before ``augment``; by default
            none. They run as images are read, one image at a time, so they take longer than ``augment``.
        batch_size: training images in a batch, for each process.
        images_per_person: number of images K of each person in a batch, which then holds batch_size / K people. Losses
            on pairs (Triplet, SupCon, ...) need it. An epoch shows every image, and a person once in a batch: one
            person of very many images makes it long. By default a plain shuffle.
        mine_among: number of random people among whom the people of a batch are chosen, each the most like those before
            (hard negative class mining); 8 times as many as in a batch, say. By default people are drawn at random.
        views: number of times that each training image is in its batch, augmented anew each time; 2 for SupCon.
        shallow: which people have too few images for a class, and their share of a batch; by default everybody is a
            class. For the loss DeepAndShallow. An epoch passes all images of the other people.
        eval_batch_size: images in a batch of validation and testing.
        num_workers: processes that read images; 0 reads them in the training process, and keeps a set of up to 512 MiB
            in memory. ``auto`` chooses for the machine, see :func:`facerec.machine.choose_workers`. Images and
            augmentation are the same with any number.
        unreadable: ``raise`` stops at an image that does not decode: before training in sets of up to 20,000 images,
            which are decoded once, and at its turn in larger sets. ``skip`` decodes every training and dev image once
            before training, leaves out the broken ones and reports their number. Images of pairs are never skipped.
        image_size: (height, width) that images are resized to. Linked from ``model.image_size`` on the command line.
        seed: seed of the order of the images and of augmentation. Linked from ``seed_everything`` on the command line.

    Raises:
        ValueError: for a batch size or number of views below 1, a negative number of workers, or a batch size that is
            no multiple of ``images_per_person``, or ``mine_among`` without it.

    Example:
        >>> from facerec.data import FaceDataModule, ORLImages, ORLPairs
        >>> pairs = {"orl": ORLPairs("val")}
        >>> data = FaceDataModule(train=ORLImages("train"), val_pairs=pairs, batch_size=64, image_size=(32, 32))
        >>> data.num_classes
        24
        >>> data.setup("fit")
        >>> batch = next(iter(data.train_dataloader()))
        >>> batch.images.shape, batch.labels.shape
        (torch.Size([64, 3, 32, 32]), torch.Size([64]))
    """

    def __init__(
        self,
        root: str | None = None,
        layout: Layout | None = None,
        train: ImageSource | None = None,
        dev: ImageSource | None = None,
        val_pairs: dict[str, PairSource] | None = None,
        test_pairs: dict[str, PairSource] | None = None,
        fold: PeopleFold | None = None,
        augment: Augment | None = None,
        mix: Mix | None = None,
        batch_size: int = 128,
        images_per_person: int | None = None,
        mine_among: int | None = None,
        views: int = 1,
        shallow: Shallow | None = None,
        eval_batch_size: int = 256,
        num_workers: int | Literal["auto"] = "auto",
        unreadable: Unreadable = "raise",
        image_size: tuple[int, int] = (112, 112),
        seed: int = 0,
        transforms: Sequence[Transform] = (),
    ) -> None:
        super().__init__()
        require_within("data.", 1, math.inf, batch_size=batch_size, eval_batch_size=eval_batch_size, views=views)
        if num_workers != "auto":
            require_within("data.", 0, math.inf, num_workers=num_workers)
        require_choice("data.", ("raise", "skip"), unreadable=unreadable)
        self.shallow = shallow
        self._shallow_people = shallow.people(batch_size) if shallow is not None else 0  # in a batch
        batch_checks.check_images_per_person(images_per_person, batch_size, 2 * self._shallow_people)
        self.root = root if root is None else str(expanded(root))
        self.layout = layout
        self._given = (train, dev, val_pairs, test_pairs)
        self.fold = fold
        self.augment = augment or Augment()
        self.mix = mix
        self.transforms = TorchvisionTransforms(transforms) if transforms else None
        self.batch_size = batch_size
        self.images_per_person = images_per_person
        batch_checks.check_mine_among(mine_among, images_per_person)
        self.hard_classes = HardClasses(mine_among) if mine_among is not None else None
        self.views = views
        self.eval_batch_size = eval_batch_size
        self._num_workers = num_workers
        self.unreadable: Unreadable = unreadable
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.seed = seed
        self.skipped: list[str] = []
        self._train_dataset: TrainingDataset | None = None
        self._dev_dataset: SourceDataset | None = None
        self._dev_is_unknown = False

    # The sources

    @cached_property
    def _sources(self) -> Sources:
        sources = resolve_sources(self.root, self.layout, *self._given)
        return sources if self.fold is None else in_fold(sources, self.fold)

    @property
    def train(self) -> ImageSource | None:
        """The training images, if there are any."""
        return self._sources.train

    @property
    def dev(self) -> ImageSource | None:
        """The dev images, if there are any."""
        return self._sources.dev

    def pair_sets(self, stage: Literal["val", "test"]) -> Mapping[str, PairSource]:
        """The named sets of pairs of a stage."""
        return self._sources.val_pairs if stage == "val" else self._sources.test_pairs

    def _pair_groups(self) -> leaks.PairGroups:
        sources = self._sources
        return {"val pairs": list(sources.val_pairs.values()), "test pairs": list(sources.test_pairs.values())}

    @property
    def identities(self) -> list[str]:
        """Names of the training people who are classes; the index is the class. Empty without training images."""
        if self.division is not None:
            return list(self.division.deep)
        return list(self.train.identities) if self.train is not None else []

    @cached_property
    def division(self) -> Division | None:
        """Deep and shallow training people; None without ``shallow`` or training images."""
        return self.shallow.divide(self.train) if self.shallow is not None and self.train is not None else None

    def told_of_shallow(self) -> str:
        """Who is shallow, and what becomes of them, in a sentence for the user; empty without ``shallow``."""
        if self.shallow is None or self.division is None:
            return ""
        return self.shallow.told(self.division, self.batch_size)

    @property
    def alignment(self) -> Alignment | None:
        """How the training images were aligned; None if it is unknown."""
        return self.train.alignment if self.train is not None else None

    @property
    def num_classes(self) -> int | None:
        """Number of training people who are classes; None if they cannot be read, and then ``setup`` says why."""
        try:
            return len(self.identities) or None
        except (OSError, ValueError):
            return None

    @property
    def _model(self) -> LightningModule | None:
        return None if self.trainer is None else self.trainer.lightning_module

    # Checks before the first step

    def setup(self, stage: str) -> None:
        """Read the lists and check the images before anything is trained or measured.

        Raises:
            FileNotFoundError: naming what is missing.
            ValueError: naming what is malformed, or the role without a source.
        """
        if stage == "fit" and self._train_dataset is None:
            batch_checks.check_shallow(self.shallow, self.mix, self.transforms, loss_of(self._model))
            batch_checks.check_mix(self.mix, loss_of(self._model))
            if self.transforms is not None:
                self.transforms.require_usable(self.image_size)
            self._train_dataset = self._checked_train_dataset()
            self._dev_dataset = self.dev_dataset(self.identities)
            _warn(leaks.shared_people(self.train, self._pair_groups()))
            _warn(leaks.shared_images(self.train, self.dev, self._pair_groups()))
        if stage in ("fit", "validate"):
            self._check_pairs("val")
        if stage == "validate" and not self.pair_sets("val"):
            _warn([checks.without_pairs("val", self.root, has_dev=self.dev is not None)])
        if stage == "test":
            self._check_pairs("test")
            if not self.pair_sets("test"):
                _warn([checks.without_pairs("test", self.root, has_dev=self.dev is not None)])
            _warn(leaks.shared_people(None, self._pair_groups()))
            _warn(leaks.shared_images(None, None, self._pair_groups()))

    def _checked_train_dataset(self) -> TrainingDataset:
        train = self.train
        if train is None:
            raise ValueError(f"data.root={self.root} holds no training images, and data.train names none")
        _warn(train.unread())
        _warn(checks.check_training_images(train))
        readable = self._readable(train, "training")
        is_kept = not self.num_workers and not train.is_decoded and KeptImages.fits(train, self.image_size)
        if told := self.told_of_shallow():
            rank_zero_info(told)
        return TrainingDataset(train, self.image_size, readable, is_kept, self.division)

    def _readable(self, images: ImageSource, role: str) -> NDArray[np.int64]:
        """Indices of the images to use; skipped images are reported."""
        readable = checks.readable_images(images, role, self.unreadable)
        if readable.broken:
            skipped = f"{len(readable.broken)} of {len(images)} {role} images"
            _warn([f"skipped {skipped}, the first: {readable.broken[0]}"])
            checks.require_everyone(images, readable, role)
            self.skipped += readable.broken
        return readable.indices

    def _check_pairs(self, stage: Literal["val", "test"]) -> None:
        sets = self.pair_sets(stage)
        checks.check_pair_names(f"data.{stage}_pairs", list(sets), reserved=DEV)
        _warn(checks.check_pairs(stage, sets))

    # Datasets

    def train_dataset(self, identities: Sequence[str]) -> SourceDataset | None:
        """The training images whose people are classes, or None if the model was trained on other people.

        Args:
            identities: names of the people that the model was trained on; the index is the class.
        """
        if list(identities) != self.identities:
            return None
        if self._train_dataset is None:
            self._train_dataset = self._checked_train_dataset()
        return self._train_dataset.classes

    def dev_dataset(self, identities: Sequence[str]) -> SourceDataset | None:
        """The dev images with the classes of the model, or None without dev images.

        Args:
            identities: names of the people that the model was trained on; the index is the class.

        Raises:
            ValueError: naming a dev person who is not among them.
        """
        if self.dev is None:
            return None
        shallow = self.division.shallow if self.division is not None else []
        labels_N = checks.dev_labels(self.dev, identities, shallow)
        readable = self._readable(self.dev, "dev")
        readable = readable[labels_N[readable] != NO_LABEL]
        return SourceDataset(self.dev, self.image_size, labels_N, readable) if len(readable) else None

    def known_dev_dataset(self) -> SourceDataset | None:
        """The dev images; in an evaluation, only if the checkpoint knows their people."""
        if self._dev_dataset is None and not self._dev_is_unknown:
            try:
                self._dev_dataset = self.dev_dataset(trained_people(self._model))
            except (ValueError, FileNotFoundError) as error:
                self._dev_is_unknown = True
                rank_zero_info(f"No dev accuracy: {error}")
        return self._dev_dataset

    # Loaders

    @property
    def num_workers(self) -> int:
        """Processes that read images, for each loader."""
        if self._num_workers != "auto":
            return self._num_workers
        accelerator, devices = "auto", 1
        if self.trainer is not None:
            accelerator, devices = self.trainer.strategy.root_device.type, self.trainer.num_devices
        is_decoded = self.train is not None and self.train.is_decoded
        return choose_workers(accelerator, devices, is_decoded=is_decoded and self.transforms is None).value

    def train_dataloader(self) -> BatchLoader:
        """Shuffled batches, or batches of people with ``images_per_person``; the order depends on seed and epoch.

        With ``shallow``, two images of each of some shallow people are behind the others.

        Raises:
            ValueError: if a batch can never hold two images of a person and the loss learns from those alone.
        """
        assert self._train_dataset is not None
        _warn(batch_checks.check_positives(loss_of(self._model), self.images_per_person, self.views, self.num_classes))
        if self.trainer is not None and self.trainer.overfit_batches:  # type: ignore[attr-defined]
            _warn(batch_checks.check_overfit(self.images_per_person, self.shallow))
        sampler = self._order(self._train_dataset)
        drop_last = len(sampler) >= self.batch_size  # a last batch of one image has no batch statistics
        dataset = self._transformed(self._train_dataset)
        return batch_loader(dataset, self.batch_size, sampler, self.num_workers, drop_last)

    @property
    def batches_of_epoch(self) -> int:
        """Batches of an epoch, if each training image can be read. No image is opened.

        Raises:
            ValueError: without training images.
        """
        if self.train is None:
            raise ValueError("no training images: give data.root, or data.train")
        images = TrainingDataset(self.train, self.image_size, np.arange(len(self.train)), division=self.division)
        return max(len(self._order(images)) // self.batch_size, 1)

    def _order(self, images: TrainingDataset) -> DistributedSampler[SourceDataset]:
        """The order of the training images in this process."""
        return images.order(
            self.batch_size,
            self.images_per_person,
            self.hard_classes,
            self._shallow_people,
            *self._processes(),
            seed=self.seed,
        )

    def val_dataloader(self) -> list[BatchLoader]:
        """The dev images, if the model knows their people, then the images of each set of pairs."""
        return self._evaluation_loaders("val")

    def test_dataloader(self) -> list[BatchLoader]:
        """As for validation, with the test pairs."""
        return self._evaluation_loaders("test")

    def evaluation_sets(self, stage: Literal["val", "test"]) -> list[str]:
        """Names of the evaluation loaders, in their order: ``dev`` if it is used, then the sets of pairs."""
        return ([DEV] if self.known_dev_dataset() is not None else []) + list(self.pair_sets(stage))

    def _evaluation_loaders(self, stage: Literal["val", "test"]) -> list[BatchLoader]:
        sets = self.pair_sets(stage).values()
        if self.trainer is not None and self.trainer.state.fn != "fit":
            _warn(leaks.seen_people(trained_people(self._model), f"{stage} pairs", sets))
        dev = self.known_dev_dataset()
        if not sets and dev is None and self.trainer is not None and self.trainer.state.fn != "fit":
            checks.without_pairs(
                stage, self.root, has_dev=False
            )  # dev images of people whom the checkpoint does not know
        datasets = [] if dev is None else [dev]
        datasets += [SourceDataset(pairs, self.image_size) for pairs in sets]
        processes, workers = self._processes(), self.num_workers
        return [
            batch_loader(dataset, self.eval_batch_size, DistributedSampler(dataset, *processes, shuffle=False), workers)
            for dataset in datasets
        ]

    def plain_loader(self, dataset: SourceDataset, positions: NDArray[np.int64]) -> BatchLoader:
        """Some images of a dataset in the given order, neither shuffled nor shared among the processes."""
        return batch_loader(_subset(dataset, positions), self.eval_batch_size, num_workers=self.num_workers)

    def sample_loader(self, positions: NDArray[np.int64], epoch: int) -> BatchLoader:
        """Some training images in batches of the training, transformed as in an epoch; in the given order."""
        assert self._train_dataset is not None
        subset = _subset(self._train_dataset, positions)
        sampler: DistributedSampler[SourceDataset] = DistributedSampler(subset, num_replicas=1, rank=0, shuffle=False)
        sampler.set_epoch(epoch)
        return batch_loader(self._transformed(subset), self.batch_size, sampler, self.num_workers)

    def _transformed(self, dataset: SourceDataset) -> Dataset[Loaded]:
        if self.transforms is None:
            return dataset
        return TransformedDataset(dataset, self.transforms, self._view_seeds(self.views))

    def _processes(self) -> tuple[int, int]:
        """Number of processes that train together, and the number of this process."""
        return (self.trainer.world_size, self.trainer.global_rank) if self.trainer is not None else (1, 0)

    # Resuming

    def state_dict(self) -> dict[str, Any]:
        """What batches of alike people depend on; nothing without ``mine_among``."""
        return self.hard_classes.state_dict() if self.hard_classes is not None else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let a run that is resumed in mid-epoch go on with the batches of that epoch."""
        if self.hard_classes is not None:
            self.hard_classes.load_state_dict(state_dict)

    # Augmentation

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move images and labels. Indices stay on the CPU, where augmentation draws: to fetch them would wait."""
        sent = (batch.images, batch.labels)
        images, labels = super().transfer_batch_to_device(sent, device, dataloader_idx)
        return Batch(images, labels, batch.indices)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment and mix training images, on the device."""
        if self.trainer is None or not self.trainer.training:
            return batch
        epoch = self.trainer.current_epoch
        if self._shallow_people:
            *seeds, next_seed = self._view_seeds(self.views + 1)
            return augmented_with_shallow(batch, self._shallow_people, self.augment, seeds, next_seed, epoch)
        return self.as_in_training(batch, epoch)

    def as_in_training(self, batch: Batch, epoch: int) -> Batch:
        """Augment and mix a batch of a loader of training images, as the training does in an epoch."""
        seeds = self._view_seeds(self.views)
        return augmented(batch, self.augment, self.mix, self.num_classes or 0, seeds, epoch)

    def _view_seeds(self, views: int) -> list[int]:
        """Another seed for each view, so that the first is what it would be alone."""
        return [self.seed + view * SEED_STRIDE for view in range(views)]


def _subset(dataset: SourceDataset, positions: NDArray[np.int64]) -> SourceDataset:
    return SourceDataset(dataset.source, dataset.size, dataset.labels, dataset.indices[positions])


def _warn(messages: Iterable[str]) -> None:
    for message in messages:
        rank_zero_warn(message)
