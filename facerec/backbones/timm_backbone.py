"""Any network of PyTorch Image Models (https://github.com/huggingface/pytorch-image-models) with our embedding head.

It serves as a comparison with the hand-written families, and as a start from published weights.
"""

from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from facerec.backbones.base import Backbone, needs_start_weights
from facerec.backbones.head import EmbeddingHead
from facerec.settings import require_choice, require_positive, require_within


def make_network(
    name: str, pretrained: bool, stochastic_depth: float, image_size: tuple[int, int] | None = None
) -> Any:
    """A timm network without its classifier, for timm's own image size unless another is given.

    Raises:
        ValueError: for an unknown name, a setting that this network does not have, or a failed download.
    """
    import timm  # takes seconds, and only this backbone needs it

    if "/" not in name and not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), n=5) or ["resnet18", "resnet50", "convnext_tiny"]
        raise ValueError(f"TimmBackbone name={name!r}: timm has no such network; near it: {', '.join(near)}")
    options: dict[str, Any] = {}
    if image_size is not None:
        options["img_size"] = image_size
    if stochastic_depth:
        options["drop_path_rate"] = stochastic_depth
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, **options)
    except TypeError as error:
        given = ", ".join(f"{option}={value}" for option, value in options.items())
        raise ValueError(f"TimmBackbone name={name!r}: timm's network does not take {given} ({error})") from error
    except Exception as error:  # of the hub, the network or the disk: it depends on where timm keeps the weights
        if not pretrained:
            raise
        raise ValueError(
            f"TimmBackbone pretrained=True: the published weights of {name} could not be had "
            f"({type(error).__name__}: {str(error).splitlines()[0]}). They are downloaded at the first use; without a "
            "network give a file of them with checkpoint, or set pretrained to false"
        ) from error


def load_weights(network: Any, file: str) -> None:
    """Take all weights from a file; its classifier, if it has one, is left out.

    Raises:
        ValueError: if the file holds anything but tensors, or not those of this network.
    """
    from timm.models import load_state_dict

    try:
        state = load_state_dict(file, weights_only=True)
    except Exception as error:  # damaged files raise almost anything
        raise ValueError(f"TimmBackbone checkpoint={file}: not a file of weights alone ({error})") from error
    classifiers = network.pretrained_cfg.get("classifier") or ()
    for classifier in (classifiers,) if isinstance(classifiers, str) else classifiers:
        state.pop(f"{classifier}.weight", None)
        state.pop(f"{classifier}.bias", None)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"TimmBackbone checkpoint={file}: the weights of another network or of another image size ({error})"
        ) from error


def built_for(network: Any) -> tuple[int, int] | None:
    """(height, width) of the only images that a network takes; None if any will do."""
    config = network.pretrained_cfg
    if not config.get("fixed_input_size"):
        return None
    height, width = config["input_size"][1:]
    return int(height), int(width)


class TimmBackbone(Backbone):
    """A timm network without its classifier, and the embedding head behind timm's own pooling.

    Args:
        name: name of the network in timm, such as ``resnet50`` or ``vit_small_patch16_224``.
        embedding_dim: length D of an embedding.
        pretrained: start from timm's published weights, downloaded at the first use. They expect images normalised
            with the mean and standard deviation in ``network.pretrained_cfg``.
        checkpoint: start from a local file of weights of this network instead, with timm's names (.pth or
            .safetensors). A classifier in it is left out. facerec reads tensors only and runs no code in the file.
        stochastic_depth: probability of dropping the last residual branch, if the network has any.
        head: settings of the embedding head; ``reduce`` stays ``pool``, because timm's networks pool themselves.

    Raises:
        ValueError: for a name that timm does not know, a setting that is out of range or that the network does not
            have, or weights that cannot be downloaded or do not fit.
        FileNotFoundError: if there is no file ``checkpoint``.

    Example:
        >>> import torch
        >>> network = TimmBackbone("test_vit", embedding_dim=16)
        >>> network.image_size
        (160, 160)
        >>> network.build((112, 112))
        >>> network(torch.zeros(2, 3, 112, 112)).shape
        torch.Size([2, 16])
    """

    def __init__(
        self,
        name: str = "resnet18",
        embedding_dim: int = 512,
        pretrained: bool = False,
        checkpoint: str | None = None,
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        super().__init__()
        require_positive(self, embedding_dim=embedding_dim)
        require_within(self, 0.0, 1.0, high_excluded=True, stochastic_depth=stochastic_depth)
        require_choice("TimmBackbone head.", ("pool",), reduce=head.reduce)
        if pretrained and checkpoint is not None:
            raise ValueError(f"TimmBackbone pretrained=True and checkpoint={checkpoint}: give one of them")
        starts = needs_start_weights()
        if starts and checkpoint is not None and not Path(checkpoint).is_file():
            raise FileNotFoundError(f"TimmBackbone checkpoint={checkpoint}: no such file")
        self._make = partial(make_network, name, pretrained and starts, stochastic_depth)
        network: Any = self._make()
        if starts and checkpoint is not None:
            load_weights(network, checkpoint)
        self.has_own_weights = checkpoint is not None
        self.embedding_dim = embedding_dim
        self.image_size = built_for(network)
        self.network = network
        self.head = head.build(getattr(network, "head_hidden_size", network.num_features), (1, 1), embedding_dim)

    def parts(self) -> dict[str, nn.Module]:
        """Layers of timm's network, by timm's names, with one entry for each block of a list; then ``head``."""
        found: dict[str, nn.Module] = {}
        for name, layer in self.network.named_children():
            blocks = layer.named_children() if isinstance(layer, (nn.Sequential, nn.ModuleList)) else ()
            found |= {f"{name}.{block}": part for block, part in blocks} or {name: layer}
        with_weights = {name: part for name, part in found.items() if any(True for _ in part.parameters())}
        return {**with_weights, "head": self.head}

    def refit(self, image_size: tuple[int, int]) -> bool:
        """Make the network for another image size; weights of a file are resampled, if the network can."""
        if not self.has_own_weights:
            self.network = self._make(image_size)
        elif hasattr(self.network, "set_input_size"):
            self.network.set_input_size(img_size=image_size)
        else:
            return False
        return True

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images (B, 3, H, W) as (B, D)."""
        features_BF = self.network(images_BCHW)
        embeddings_BD: Tensor = self.head(features_BF[:, :, None, None])
        return embeddings_BD
