"""Enrolled people: one template each, and their images, kept in a file; and the search for the person most like a face.

Shapes: P people, N images, B faces, D embedding.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.record import UNKNOWN
from facerec.archives import UNREADABLE, check_archive
from facerec.arrays import require_finite
from facerec.files import written_whole
from facerec.inference.enrolled_images import (
    IMAGE_ARRAYS,
    EnrolledImages,
    checked_images,
    joined_images,
    nearest_people,
)

MATRIX_LIMIT = 100_000
"""Largest number of templates that a matrix product searches; above it FAISS does."""
PROBES_AT_ONCE = 256


MatchBy = Literal["mean", "image"]


class Match(NamedTuple):
    """The two people of a gallery most like a face.

    Attributes:
        name: person most like the face.
        score: cosine of the face and that person's template, or nearest image, in [-1, 1].
        runner_up: next person; None in a gallery of one.
        runner_up_score: cosine of the next person; NaN in a gallery of one.
    """

    name: str
    score: float
    runner_up: str | None
    runner_up_score: float


class Gallery:
    """Templates of people: the mean of a person's normalised embeddings, normalised.

    Args:
        names: names of the people (P,).
        means: mean of each person's normalised embeddings (P, D), float32.
        counts: number of images of each person (P,).
        fingerprint: hash of the model; embeddings of another model mean nothing here.
        alignment: alignment of the faces, such as ``yunet 112x112``; empty if unknown.
        images: embeddings of the images behind the means; None if they are not kept.

    Raises:
        ValueError: if a name comes twice, the lengths differ, or the means are no floats (P, D) or contain NaN or inf.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from facerec.inference import Gallery
        >>> embeddings = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        >>> gallery = Gallery.enroll(embeddings, np.array([0, 0, 1]), ["ada", "ben"], fingerprint="of the model")
        >>> gallery.names, gallery.counts.tolist()
        (['ada', 'ben'], [2, 1])
        >>> gallery.search(torch.tensor([[3.0, 4.0]]))[0]
        Match(name='ben', score=0.8..., runner_up='ada', runner_up_score=0.6...)
    """

    def __init__(
        self,
        names: Sequence[str],
        means: Tensor,
        counts: NDArray[np.int64],
        fingerprint: str,
        alignment: str = "",
        images: EnrolledImages | None = None,
    ) -> None:
        if len(set(names)) != len(names) or not len(names) == len(means) == len(counts):
            raise ValueError(
                f"{len(names)} names, {len(means)} templates, {len(counts)} counts: give one of each for each person"
            )
        if means.ndim != 2 or not means.is_floating_point():
            raise ValueError(f"templates {tuple(means.shape)} of {means.dtype}: give floats, one row for each person")
        means = means.float()
        require_finite("embeddings", means, "Enroll the people again", names)
        self.names = list(names)
        self.means = means
        self.counts = counts
        self.fingerprint = fingerprint
        self.alignment = alignment
        self.templates_PD = F.normalize(means)
        self.images = images if images is None else checked_images(images, len(names), means.shape[1])

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def enroll(
        cls,
        embeddings_ND: Tensor,
        labels_N: NDArray[np.int64],
        identities: Sequence[str],
        fingerprint: str,
        alignment: str = "",
        image_names: Sequence[str] | None = None,
    ) -> Gallery:
        """Make the templates of people from embeddings of their images.

        Args:
            embeddings_ND: embeddings of the images.
            labels_N: index of each image's person in ``identities``. People without an image are left out.
            identities: names of the people.
            fingerprint: hash of the model.
            alignment: alignment of the faces; empty if unknown.
            image_names: what each image is called, to keep the images too. By default only the means are kept.
        """
        labels = torch.as_tensor(labels_N)
        sums_PD = torch.zeros(len(identities), embeddings_ND.shape[1]).index_add_(0, labels, F.normalize(embeddings_ND))
        counts_P = torch.bincount(labels, minlength=len(identities))
        there = torch.nonzero(counts_P)[:, 0]
        names = [identities[person] for person in there.tolist()]
        means_PD = sums_PD[there] / counts_P[there, None]
        images = None
        if image_names is not None:
            owners_N = np.searchsorted(there.numpy(), labels.numpy()).astype(np.int64)
            images = EnrolledImages(F.normalize(embeddings_ND.float()), owners_N, list(image_names))
        return cls(names, means_PD, counts_P[there].numpy(), fingerprint, alignment, images)

    def check_model(self, fingerprint: str, alignment: str) -> None:
        """Refuse another model or alignment than this gallery was made with. Warn if one alignment is unknown.

        Raises:
            ValueError: naming both models or alignments.
        """
        self._refuse(fingerprint, alignment)
        if alignment != self.alignment:
            warnings.warn(f"{self._compared(alignment)}; scores are lower if the two differ", stacklevel=2)

    def _refuse(self, fingerprint: str, alignment: str) -> None:
        if fingerprint != self.fingerprint:
            raise ValueError(
                f"the gallery was enrolled with model {self.fingerprint} and this one is {fingerprint}: scores between "
                "them mean nothing. Enroll the people again, or give the checkpoint of the gallery"
            )
        if alignment and self.alignment and alignment != self.alignment:
            raise ValueError(f"{self._compared(alignment)}: align both alike")

    def _require_size(self, rows: Tensor) -> None:
        size, given = self.means.shape[1], rows.shape[-1]
        if given != size:
            raise ValueError(
                f"the gallery's templates have {size} numbers, and these embeddings {given}: another model made them. "
                "Enroll the people again"
            )

    def _compared(self, alignment: str) -> str:
        return f"the gallery's faces were aligned by {self.alignment or UNKNOWN} and these by {alignment or UNKNOWN}"

    def merged(self, other: Gallery) -> Gallery:
        """A gallery of both. A person in both gets the mean over all images, as if enrolled at once.

        The alignment is unknown if that of either is, and images are kept if both keep them.

        Raises:
            ValueError: if models or alignments differ, see :meth:`check_model`.
        """
        self._refuse(other.fingerprint, other.alignment)
        self._require_size(other.means)
        place = {name: index for index, name in enumerate(self.names)}
        names, means, counts = list(self.names), list(self.means), [int(count) for count in self.counts]
        for name, mean_D, count in zip(other.names, other.means, other.counts, strict=True):
            if name in place:
                index = place[name]
                total = counts[index] + int(count)
                means[index] = (means[index] * counts[index] + mean_D * int(count)) / total
                counts[index] = total
            else:
                names.append(name)
                means.append(mean_D)
                counts.append(int(count))
        alignment = self.alignment if self.alignment == other.alignment else ""
        images = None
        if self.images is not None and other.images is not None:
            now = {name: index for index, name in enumerate(names)}
            images = joined_images(self.images, other.images, [now[name] for name in other.names])
        return Gallery(names, torch.stack(means), np.array(counts, dtype=np.int64), self.fingerprint, alignment, images)

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` that loads without unpickling."""
        kept: dict[str, Any] = {}
        if self.images is not None:
            kept = dict(zip(IMAGE_ARRAYS, map(np.asarray, self.images), strict=True))
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                **kept,
                names=np.array(self.names),
                templates=self.templates_PD.numpy(),
                mean_norms=self.means.norm(dim=1).numpy(),  # needed to add images later
                counts=self.counts,
                fingerprint=np.array(self.fingerprint),
                alignment=np.array(self.alignment),
            )

    @classmethod
    def load(cls, path: str | Path) -> Gallery:
        """Read a gallery that :meth:`save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is not a gallery.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"no gallery {path}: `facerec enroll FOLDER --output {path}` makes one")
        try:
            if zipfile.is_zipfile(path):
                check_archive(path, "`facerec enroll`")
            with np.load(path, allow_pickle=False) as stored:
                means_PD = torch.from_numpy(stored["templates"] * stored["mean_norms"][:, None])
                names = [str(name) for name in stored["names"]]
                images = None
                if IMAGE_ARRAYS[0] in stored.files:
                    embeddings_ND, owners_N, of_images = (stored[name] for name in IMAGE_ARRAYS)
                    images = EnrolledImages(
                        torch.from_numpy(embeddings_ND), owners_N, [str(name) for name in of_images]
                    )
                fingerprint, alignment = str(stored["fingerprint"]), str(stored["alignment"])
                return cls(names, means_PD, stored["counts"], fingerprint, alignment, images)
        except UNREADABLE as error:
            raise ValueError(f"{path} is not a gallery of `facerec enroll`: {error}") from error

    def search(self, embeddings_BD: Tensor, by: MatchBy = "mean") -> list[Match]:
        """The two people most like each face.

        Args:
            embeddings_BD: embeddings of the faces, normalised or not.
            by: whether a person is his or her ``mean``, or the ``image`` that is most like the face.

        Raises:
            ValueError: if an embedding contains NaN or inf or has another size than the templates, FAISS is missing
                above ``MATRIX_LIMIT`` templates, or the images were not kept.
        """
        require_finite("embeddings", embeddings_BD)
        self._require_size(embeddings_BD)
        unit_BD = F.normalize(embeddings_BD.float())
        neighbours = min(2, len(self))
        if by == "image":
            if self.images is None:
                raise ValueError(
                    "the gallery keeps means alone, so no image can be compared: enroll the people again, without "
                    "--means_only, or give --match mean"
                )
            scores, places = nearest_people(self.images, unit_BD, len(self), neighbours)
        elif len(self) > MATRIX_LIMIT:
            scores, places = _search_faiss(self.templates_PD, unit_BD, neighbours)
        else:
            found = [(part @ self.templates_PD.T).topk(neighbours) for part in torch.split(unit_BD, PROBES_AT_ONCE)]
            scores = torch.cat([part.values for part in found])
            places = torch.cat([part.indices for part in found])
        return [self._match(*row) for row in zip(scores.tolist(), places.tolist(), strict=True)]

    def _match(self, scores: list[float], places: list[int]) -> Match:
        if len(places) == 1:
            return Match(self.names[places[0]], scores[0], None, float("nan"))
        return Match(self.names[places[0]], scores[0], self.names[places[1]], scores[1])


def _search_faiss(templates_PD: Tensor, probes_BD: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    """Scores and places (B, neighbours), by exact inner products in FAISS."""
    try:
        import faiss
    except ImportError as error:
        raise ValueError(
            f'{len(templates_PD):,} templates, more than {MATRIX_LIMIT:,}, need FAISS: pip install "facerec[faiss]"'
        ) from error
    index = faiss.IndexFlatIP(templates_PD.shape[1])
    index.add(templates_PD.numpy())
    scores, places = index.search(probes_BD.numpy(), neighbours)
    return torch.from_numpy(scores), torch.from_numpy(places)
