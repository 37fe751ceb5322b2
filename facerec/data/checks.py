"""Checks of images and pairs before the first step, so that no run ends hours later over one bad image."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from facerec.data.batches import NO_LABEL
from facerec.data.images import UnreadableImageError
from facerec.data.pair_doubts import digest, doubts
from facerec.data.sources import Images, ImageSource, PairSource

DECODED_AT_MOST = 20_000  # images decoded once before training; images of larger sets are checked as they are read

Unreadable = Literal["raise", "skip"]


class Readable(NamedTuple):
    """The indices of the images that decode, and a message for each image that does not."""

    indices: NDArray[np.int64]
    broken: list[str]


def decode_all(images: Images, description: str, look_at: Callable[[int, Tensor], None] | None = None) -> Readable:
    """Decode every image once, with a progress bar if it takes more than two seconds.

    Args:
        images: to decode.
        description: text of the progress bar.
        look_at: called with the index and the pixels (3, H, W) of each image.
    """
    indices: list[int] = []
    broken: list[str] = []
    for index in tqdm(range(len(images)), desc=description, unit="image", delay=2, leave=False):
        try:
            pixels_3HW = images.read(index)
        except UnreadableImageError as error:
            broken.append(str(error))
        else:
            indices.append(index)
            if look_at is not None:
                look_at(index, pixels_3HW)
    return Readable(np.array(indices, dtype=np.int64), broken)


def readable_images(images: ImageSource, role: str, unreadable: Unreadable) -> Readable:
    """The images to use. A large set is not decoded, unless its broken images are to be skipped.

    Args:
        images: the training or dev images.
        role: ``training`` or ``dev``, for messages.
        unreadable: ``raise`` or ``skip``.

    Raises:
        UnreadableImageError: if an image does not decode, and broken images are not to be skipped.
    """
    if unreadable == "raise" and len(images) > DECODED_AT_MOST:
        return Readable(np.arange(len(images)), [])
    readable = decode_all(images, f"checking {role} images")
    if readable.broken and unreadable == "raise":
        raise UnreadableImageError(
            f"{len(readable.broken)} of {len(images)} {role} images do not decode, the first: {readable.broken[0]}. "
            "Remove them, or leave them out with --data.unreadable skip"
        )
    return readable


def require_everyone(images: ImageSource, readable: Readable, role: str) -> None:
    """Refuse a set in which no image of a person decodes.

    Raises:
        ValueError: naming the first such person.
    """
    lost = sorted(set(images.labels.tolist()) - set(images.labels[readable.indices].tolist()))
    if lost:
        raise ValueError(f"no {role} image of {images.identities[lost[0]]!r} decodes: {readable.broken[0]}")


def check_training_images(train: ImageSource) -> list[str]:
    """Look for the training images, without decoding them.

    Returns:
        A message if they cannot teach a network anything, else none.

    Raises:
        FileNotFoundError: naming a missing file.
        ValueError: naming what is malformed, or for a set without images.
    """
    train.check()
    if len(train) == 0:
        raise ValueError("data.train holds no images")
    if len(train.identities) < 2:
        return [f"the training images show one person, {train.identities[0]!r}: there is nothing to tell apart"]
    if np.bincount(train.labels).max() < 2:
        return ["no training person has two images: a network learns no person from one image"]
    return []


def dev_labels(dev: ImageSource, identities: Sequence[str], shallow: Collection[str] = ()) -> NDArray[np.int64]:
    """Class of each dev image (N,) as the model counts classes; -1 for a training person who is no class.

    Args:
        dev: the dev images.
        identities: names of the people that the model was trained on; the index is the class.
        shallow: names of training people who are no classes.

    Raises:
        FileNotFoundError: naming a missing file.
        ValueError: naming a dev person who is not among them.
    """
    class_of = dict.fromkeys(shallow, NO_LABEL) | {name: index for index, name in enumerate(identities)}
    strangers = [name for name in dev.identities if name not in class_of]
    if strangers:
        raise ValueError(
            f"{len(strangers)} of {len(dev.identities)} dev people are not among the {len(identities)} training "
            f"people, for example {strangers[0]!r}: dev accuracy needs other images of the same people"
        )
    dev.check()
    class_of_dev = np.array([class_of[name] for name in dev.identities], dtype=np.int64)
    return class_of_dev[dev.labels]


def without_pairs(stage: str, root: str | None, *, has_dev: bool) -> str:
    """What a measurement without pairs leaves out.

    Args:
        stage: ``val`` or ``test``.
        root: the user's folder, for the message.
        has_dev: whether there are dev images, which can be measured alone.

    Raises:
        ValueError: if there are no dev images either, so that there is nothing to measure.
    """
    how = (
        f"give data.{stage}_pairs, or {stage}_pairs.txt under data.root={root} with lines 'image image 1' (one person) "
        "or 'image image 0' (two people). `facerec split PEOPLE SET` writes it for a folder of people"
    )
    if not has_dev:
        raise ValueError(f"nothing to measure: no {stage} pairs, and no dev images of the training people; {how}")
    return f"no {stage} pairs: dev accuracy on the training people is all that is measured; for error rates {how}"


def check_pair_names(setting: str, names: Sequence[object], reserved: str) -> None:
    """Refuse names of sets of pairs that cannot name metrics and files.

    Raises:
        ValueError: naming the set.
    """
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"{setting}: YAML reads the name {name!r} as no text: put it in quotes, or rename the set")
        if name == reserved:
            raise ValueError(f"{setting}: a set cannot be called {name!r}, the name of the dev images: rename it")
        if "/" in name:
            raise ValueError(f"{setting}: a set cannot be called {name!r}, because names hold no '/': rename it")


def check_pairs(stage: str, sets: Mapping[str, PairSource]) -> list[str]:
    """Look for the images of all sets of pairs, and decode those of small sets.

    Test pairs may carry no labels: a course keeps them. Their scores are written, and nothing is measured on them.

    Returns:
        Messages about pairs that make error rates mislead.

    Raises:
        FileNotFoundError: naming a missing file.
        UnreadableImageError: naming an image that does not decode.
        ValueError: naming what is malformed, or a set that cannot be measured.
    """
    messages = []
    for name, pairs in sets.items():
        pairs.check()
        same_P = pairs.same
        if same_P is None and stage != "test":
            raise ValueError(
                f"the {stage} pairs {name!r} carry no labels, so nothing can be measured on them: end each line with 1 "
                "(one person) or 0 (two people). `facerec predict` scores pairs without labels"
            )
        if same_P is not None and (same_P.all() or not same_P.any()):
            raise ValueError(f"the {stage} pairs {name!r} need both genuine and impostor pairs")
        digests: dict[int, bytes] = {}
        if len(pairs) <= DECODED_AT_MOST:
            digests, broken = _digests(pairs, f"checking {name}")
            if broken:
                raise UnreadableImageError(f"{len(broken)} images of the {stage} pairs {name!r}: {broken[0]}")
        # A template is no image: two of one person may share some
        messages += doubts(f"the {stage} pairs {name!r}", pairs, {} if pairs.templates is not None else digests)
    return messages


def _digests(images: Images, description: str) -> tuple[dict[int, bytes], list[str]]:
    """Hash of the pixels of each image by its index, and a message for each image that does not decode."""
    digests: dict[int, bytes] = {}

    def look_at(index: int, pixels_3HW: Tensor) -> None:
        digests[index] = digest(pixels_3HW)

    return digests, decode_all(images, description, look_at).broken
