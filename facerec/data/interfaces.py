"""What the data module and the model ask of each other.

Python checks these protocols on the class, so each member is a property or an attribute of the class.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from torch import nn

from facerec.align.record import Alignment


@runtime_checkable
class TrainingPeople(Protocol):
    """Data that names its training people: what the model asks of a data module.

    Example:
        >>> from facerec.data import FaceDataModule, ORLImages
        >>> isinstance(FaceDataModule(train=ORLImages("train")), TrainingPeople)
        True
    """

    @property
    def identities(self) -> Sequence[str]:
        """Names of the training people; the index is the class."""

    @property
    def alignment(self) -> Alignment | None:
        """How the training images were aligned; None if it is unknown."""


@runtime_checkable
class MeasuredSets(Protocol):
    """Data that say what a validation measures: what a schedule that follows it asks of a data module."""

    @property
    def dev(self) -> object:
        """Dev images; None if there are none."""

    def pair_sets(self, stage: Literal["val", "test"]) -> Mapping[str, object]:
        """The named sets of pairs of a stage."""


@runtime_checkable
class TrainedModel(Protocol):
    """A model that names the people it was trained on: what a data module asks of the model."""

    @property
    def identities(self) -> Sequence[str]:
        """Names of the people that it was trained on; the index is the class. Empty before training."""


@runtime_checkable
class BatchNeeds(Protocol):
    """A loss that says which batches it needs.

    Example:
        >>> from facerec.losses import Softmax
        >>> isinstance(Softmax(), BatchNeeds)
        True
    """

    @property
    def needs_positives(self) -> bool:
        """Whether it learns from images of the same person in a batch."""

    @property
    def takes_soft_labels(self) -> bool:
        """Whether it takes a share of each class for each image, as mixup and cutmix give."""

    @property
    def takes_shallow(self) -> bool:
        """Whether it takes views of people who are no classes, as ``data.shallow`` gives."""


def loss_of(model: nn.Module | None) -> BatchNeeds | None:
    """The loss of a model: the part that says which batches it needs; None without such a part."""
    parts = [] if model is None else model.children()
    return next((part for part in parts if isinstance(part, BatchNeeds)), None)


def trained_people(model: nn.Module | None) -> Sequence[str]:
    """Names of the people that a model was trained on; empty if it does not say."""
    return model.identities if isinstance(model, TrainedModel) else ()
