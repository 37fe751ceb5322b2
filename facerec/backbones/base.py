"""The contract of a backbone, and the one shape that all our networks have: stem, stages, embedding head."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from facerec.backbones.cost import evaluating
from facerec.backbones.head import EmbeddingHead, EmbeddingLayers
from facerec.backbones.layers import SmallestInput
from facerec.backbones.narrow import guard_narrow_convolutions
from facerec.settings import require_positive

FACE_SIZE = (112, 112)  # the usual size of an aligned face
_weights_come_later: ContextVar[bool] = ContextVar("weights_come_later", default=False)


@contextmanager
def weights_come_later() -> Iterator[None]:
    """Build networks that get all their weights from a checkpoint: they need no weights to start from.

    Example:
        >>> from facerec.backbones import TimmBackbone
        >>> with weights_come_later():
        ...     network = TimmBackbone("test_vit", embedding_dim=16, checkpoint="of_the_training.pth")
        >>> network.embedding_dim
        16
    """
    token = _weights_come_later.set(True)
    try:
        yield
    finally:
        _weights_come_later.reset(token)


def needs_start_weights() -> bool:
    """Whether a network that is built now has to get the weights that it is to start from.

    Example:
        >>> needs_start_weights()
        True
    """
    return not _weights_come_later.get()


class Backbone(nn.Module, ABC):
    """Turns a batch of face images into one embedding per image.

    The embedding is not normalised. A loss or a score that needs a direction normalises it.

    Attributes:
        embedding_dim: length D of an embedding.
        image_size: (height, width) of the only images it takes; None if it takes any size.

    Example:
        >>> class Pixels(Backbone):
        ...     embedding_dim = 3
        ...
        ...     def forward(self, images_BCHW):
        ...         return images_BCHW.mean((2, 3))
        >>> Pixels()(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3])
    """

    embedding_dim: int
    image_size: tuple[int, int] | None = None
    _is_built = False

    @abstractmethod
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed normalised images.

        Args:
            images_BCHW: float images (B, 3, H, W), preprocessed as at training time.

        Returns:
            Embeddings (B, D).
        """

    def build(self, image_size: tuple[int, int]) -> None:
        """Fit the layers to the size of the images, once, before training or loading weights.

        ``FaceRecognizer`` calls it with ``model.image_size``. A network that takes any size stays as it is.

        Args:
            image_size: (height, width).

        Raises:
            ValueError: if the network takes images of another size only.
        """
        image_size = (image_size[0], image_size[1])
        if self.image_size is not None and self.image_size != image_size:
            if self._is_built or not self.refit(image_size):
                height, width = self.image_size
                raise ValueError(
                    f"{type(self).__name__} was built for images of {height}x{width} and takes no others: set "
                    f"model.image_size to [{height}, {width}], or build a new one"
                )
            self.image_size = image_size
        self._is_built = True

    def parts(self) -> dict[str, nn.Module]:
        """The parts by name, in the order in which images pass through them. ``model.freeze`` names one."""
        return dict(self.named_children())

    def refit(self, image_size: tuple[int, int]) -> bool:
        """Make the layers that depend on the image size anew; false if there is no way to."""
        return False

    def _load_from_state_dict(self, *args: Any, **settings: Any) -> None:
        self._is_built = True  # layers made anew would lose these weights
        super()._load_from_state_dict(*args, **settings)


class StagedBackbone(Backbone):
    """Stem, stages of blocks and embedding head: a family builds the parts, this class runs them.

    Settings that families share:

    - ``stem``: ``paper`` is made for 224x224. ``face`` has half its total stride, so that the last stage of a 112x112
      face works on the paper's 7x7 map.
    - ``width``: channels of the first stage.
    - ``stochastic_depth``: probability of dropping the last residual branch. Earlier branches are dropped less, in
      proportion.
    - ``dropblock``: share of the maps to drop, in squares, in the branches of the last two stages.

    Args:
        stem: the first layers, images (B, 3, H, W) to maps.
        stages: the blocks, maps to features (B, C, H', W').
        channels: number of feature channels C.
        smallest_input: smallest height and width that still give a whole feature map.
        embedding_dim: length D of an embedding.
        head: settings of the embedding head. A ``flatten`` or ``depthwise`` head is made for 112x112 images until
            :meth:`build` says otherwise.
        initialise: sets the weights of one module; applied to all of them.

    Raises:
        ValueError: for an ``embedding_dim`` below 1, or a head that is not an :class:`EmbeddingHead`.

    Example:
        >>> from facerec.backbones.layers import he_initialise
        >>> stem, stages = nn.Conv2d(3, 8, 3, 2), nn.Sequential(nn.ReLU(), nn.Conv2d(8, 16, 3, 2))
        >>> sizes = {"channels": 16, "smallest_input": SmallestInput(7), "embedding_dim": 4}
        >>> network = StagedBackbone(stem, stages, **sizes, head=EmbeddingHead("flatten"), initialise=he_initialise)
        >>> network.image_size
        (112, 112)
        >>> network.build((32, 48))
        >>> network(torch.zeros(2, 3, 32, 48)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: nn.Module,
        *,
        channels: int,
        smallest_input: SmallestInput,
        embedding_dim: int,
        head: EmbeddingHead,
        initialise: Callable[[nn.Module], None],
    ) -> None:
        super().__init__()
        require_positive(self, embedding_dim=embedding_dim)
        if not isinstance(head, EmbeddingHead):
            raise ValueError(f"{type(self).__name__} head={head!r}: give EmbeddingHead(reduce=...)")
        self.stem = stem
        self.stages = stages
        self.channels = channels
        self.smallest_input = smallest_input
        self.embedding_dim = embedding_dim
        self.head_settings = head
        self.initialise = initialise
        if head.reduce != "pool":
            self.image_size = FACE_SIZE
        self.head = self._new_head(FACE_SIZE)
        self.apply(initialise)
        guard_narrow_convolutions(self)

    def parts(self) -> dict[str, nn.Module]:
        """``stem``, ``stage1``, ``stage2`` and so on, ``head``."""
        numbered = {f"stage{number}": stage for number, stage in enumerate(self.stages.children(), start=1)}
        stages = numbered if isinstance(self.stages, nn.Sequential) else {"stages": self.stages}
        return {"stem": self.stem, **stages, "head": self.head}

    def refit(self, image_size: tuple[int, int]) -> bool:
        """Make the embedding head anew for another image size."""
        self.head = self._new_head(image_size)
        self.head.apply(self.initialise)
        return True

    def _new_head(self, image_size: tuple[int, int]) -> EmbeddingLayers:
        """The embedding head for images of a size, on the device of the other layers."""
        weight = next(self.parameters())
        is_pooled = self.head_settings.reduce == "pool"
        feature_size = (1, 1) if is_pooled else self._feature_size(weight.new_zeros(1, 3, *image_size))
        return self.head_settings.build(self.channels, feature_size, self.embedding_dim).to(weight)

    @torch.no_grad()
    def _feature_size(self, images_BCHW: Tensor) -> tuple[int, int]:
        """Height and width of the features, seen by running empty images: exact for every kind of padding."""
        with evaluating(self):  # running statistics stay as they are
            height, width = self.features(images_BCHW).shape[-2:]
        return int(height), int(width)

    def features(self, images_BCHW: Tensor) -> Tensor:
        """Feature maps (B, C, H', W') before the embedding head.

        Raises:
            ValueError: for images that are too small for the strides.
        """
        height, width = images_BCHW.shape[-2:]
        side, way_out = self.smallest_input
        if min(height, width) < side:
            raise ValueError(
                f"images of {height}x{width} are too small for {type(self).__name__}: its strides need at least "
                f"{side}x{side}; {way_out}"
            )
        features_BCHW: Tensor = self.stages(self.stem(images_BCHW))
        return features_BCHW

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images (B, 3, H, W) as (B, D)."""
        embeddings_BD: Tensor = self.head(self.features(images_BCHW))
        return embeddings_BD
