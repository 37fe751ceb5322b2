"""What an augmentation does to a face: each setting alone, and all together, as in training."""

import torch
from torch import Tensor

from facerec.data.sources import ImageSource
from facerec.inspection.figures import Row
from facerec.transforms.augment import Augment
from facerec.transforms.mix import Mix
from facerec.transforms.preprocess import resize
from facerec.transforms.torchvision_transforms import TorchvisionTransforms


def person_images(images: ImageSource, person: str | None) -> list[int]:
    """Indices of the images of a person, by default of the first one of the source.

    Raises:
        ValueError: if the person is not there, or the source holds no images.
    """
    identities = list(images.identities)
    if not len(images):
        raise ValueError("the source holds no images to show")
    if person is not None and person not in identities:
        raise ValueError(f"--person {person}: not among the {len(identities)} people, {identities[0]!r} for one")
    label = identities.index(person) if person is not None else int(images.labels[0])
    return [index for index, other in enumerate(images.labels.tolist()) if other == label]


def augmentation_rows(
    images: ImageSource,
    index: int,
    augment: Augment,
    mix: Mix | None,
    size: tuple[int, int],
    seed: int,
    epochs: int,
    transforms: TorchvisionTransforms | None = None,
) -> list[Row]:
    """Rows of one image: untouched, under each setting alone, under all, and mixed with the next image of the source.

    The transforms of torchvision are one setting: the row ``transforms``.

    Column e is epoch e of a run with this seed. That run trains on the row "all together", or on the mixed row.

    Args:
        images: the training source.
        index: of the image in the source.
        augment: of the configuration.
        mix: of the configuration.
        size: (height, width) that training resizes to.
        seed: of the run.
        epochs: number of draws.
        transforms: of torchvision, of the configuration.
    """
    indices_2 = torch.tensor([index, (index + 1) % len(images)])
    pair = torch.stack([resize(images.read(place)[None], size)[0] for place in indices_2.tolist()])
    columns = range(epochs)
    read = [pair if transforms is None else transforms(pair, seed, epoch, indices_2) for epoch in columns]

    def drawn(change: Augment, pairs: list[Tensor]) -> list[Tensor]:
        return [change(pairs[epoch], seed, epoch, indices_2) for epoch in columns]

    rows = [Row("as it is", [pair[0]])]
    if transforms is not None:
        names = ", ".join(type(transform).__name__ for transform in transforms.transforms)
        rows.append(_row(f"transforms\n{names}", read))
    for name, alone in augment.each_alone().items():
        rows.append(_row(f"{name}={alone.settings[name]}", drawn(alone, [pair] * epochs)))
    together = drawn(augment, read)
    rows.append(_row("all together", together))
    if mix is not None:
        labels_2 = torch.tensor([0, 1])
        mixed = [mix(together[epoch], labels_2, 2, seed, epoch, indices_2)[0] for epoch in columns]
        rows.append(_row(f"all together, {mix}", mixed))
    return rows


def _row(caption: str, pairs: list[Tensor]) -> Row:
    """A row of the first images of pairs."""
    return Row(caption, [_to_bytes(pair[0]) for pair in pairs])


def _to_bytes(image_3HW: Tensor) -> Tensor:
    return image_3HW if image_3HW.dtype == torch.uint8 else (image_3HW * 255.0).round().to(torch.uint8)
