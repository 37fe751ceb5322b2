"""Some people, drawn by a seed, and the embeddings of their images by one or several networks.

Shapes: N images, D embedding, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.people import UNKNOWN, people_of
from facerec.data.sources import Images, ImageSource
from facerec.inference.embedder import Embedder
from facerec.inference.encoding import LeftOut, encode
from facerec.losses.base import Loss


@dataclass(frozen=True)
class Network:
    """A trained network, and what to call it in a figure."""

    name: str
    embedder: Embedder

    @property
    def loss(self) -> Loss:
        """The loss with its trained class weights."""
        return self.embedder.recognizer.loss

    @property
    def identities(self) -> list[str]:
        """Names of its training people; the index is the class."""
        return self.embedder.recognizer.identities


@dataclass(frozen=True)
class EmbeddedImages:
    """Images of some people as a network sees them.

    Attributes:
        network: name of the network.
        images: what the images are, such as ``dev``.
        embeddings: of each image (N, D), as the network gives them, at the length that its class weights see.
        people: name of the person on each image.
        left_out: images that could not be used.
    """

    network: str
    images: str
    embeddings: Tensor
    people: list[str]
    left_out: list[LeftOut]

    @property
    def names(self) -> list[str]:
        """The people, each once, sorted."""
        return sorted(set(self.people))

    @property
    def counts(self) -> str:
        """How much was drawn, for a title."""
        return f"n = {len(self.people)} images of {len(self.names)} people"

    def of(self, name: str) -> NDArray[np.int64]:
        """Rows of a person."""
        return np.flatnonzero(np.array(self.people) == name)


class ChosenImages(Images):
    """Some images of a source.

    Args:
        source: of all images.
        places: index of each chosen image in it.
    """

    def __init__(self, source: Images, places: Sequence[int]) -> None:
        self._source = source
        self._places = list(places)
        self.is_decoded = source.is_decoded

    def __len__(self) -> int:
        return len(self._places)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return self._source.read(self._places[index])

    def name(self, index: int) -> str:
        """Name of an image in messages."""
        return self._source.name(self._places[index])


def names_of(source: Images) -> list[str]:
    """Name of the person on each image, as the training called training people; empty where it is unknown."""
    if isinstance(source, ImageSource):
        return [source.identities[label] for label in source.labels.tolist()]
    return people_of(source).names


def draw_people(names: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """Different people, sorted; all of them if there are no more than wanted.

    Args:
        names: person on each image; those without a name are nobody.
        count: number of people wanted.
        seed: of the choice. The same names and seed give the same people.

    Example:
        >>> draw_people(["ann", "ann", "bob", "cat", ""], 2, seed=0)
        ['ann', 'cat']
        >>> draw_people(["bob", "ann"], 10)
        ['ann', 'bob']
    """
    known = sorted(set(names) - {UNKNOWN})
    chosen = np.random.default_rng(seed).permutation(len(known))[:count]
    return [known[place] for place in sorted(chosen.tolist())]


def embed_people(
    network: Network, source: Images, people: Sequence[str], images: str, batch_size: int = 32
) -> EmbeddedImages:
    """Embed every image of some people, with a progress bar.

    Args:
        network: that embeds.
        source: of the images.
        people: whose images are wanted.
        images: what the images are, for the figure.
        batch_size: images in a forward pass.

    Raises:
        ValueError: if there is no image of these people, or none can be used.
    """
    names = names_of(source)
    wanted = set(people)
    places = [place for place, name in enumerate(names) if name in wanted]
    chosen = ChosenImages(source, places)
    encoded = encode(network.embedder, chosen, batch_size, f"{network.name}, {images}")
    usable_N = np.flatnonzero(encoded.usable)
    embeddings_ND = network.embedder.recognizer.class_embeddings(encoded.embeddings[usable_N])
    return EmbeddedImages(
        network.name, images, embeddings_ND, [names[places[row]] for row in usable_N.tolist()], encoded.left_out
    )
