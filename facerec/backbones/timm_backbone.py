"""Any network of PyTorch Image Models (https://github.com/huggingface/pytorch-image-models) with our embedding head.

For the comparison with the hand-written families, and for transfer learning from its weights.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from facerec.backbones.base import Backbone
from facerec.backbones.layers import require_positive, require_probability


def build(name: str, pretrained: bool, image_size: tuple[int, int] | None, stochastic_depth: float) -> Any:
    """A timm network without its classifier.

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
        raise ValueError(
            f"TimmBackbone image_size={image_size}, stochastic_depth={stochastic_depth}: {name} lacks one of them "
            f"({error})"
        ) from error
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
        raise ValueError(f"TimmBackbone checkpoint={file}: the weights of another network ({error})") from error


def built_for(network: Any) -> tuple[int, int] | None:
    """(height, width) of the only images that a network takes; None if any will do."""
    config = network.pretrained_cfg
    if not config.get("fixed_input_size"):
        return None
    height, width = config["input_size"][1:]
    return int(height), int(width)


class TimmBackbone(Backbone):
    """A timm network without its classifier, then dropout, a linear layer and batch normalisation.

    Args:
        name: name of the network in timm, such as ``resnet50`` or ``vit_small_patch16_224``.
        embedding_dim: length D of an embedding.
        pretrained: start from timm's published weights, downloaded at the first use. They expect images normalised
            with the mean and standard deviation in ``network.pretrained_cfg``.
        checkpoint: start from a local file of weights of this network instead, with timm's names (.pth or
            .safetensors); a classifier in it is left out. Only tensors are read: no code in the file is run.
        image_size: (height, width), for networks that are built for one size (transformers); by default timm's.
        dropout: probability of dropping a feature before the embedding layer.
        stochastic_depth: probability of dropping the last residual branch, where the network has any.

    Raises:
        ValueError: for a name that timm does not know, settings out of range or that the network does not have, or
            weights that cannot be had or do not fit.
        FileNotFoundError: if the checkpoint is not there.
    """

    def __init__(
        self,
        name: str = "resnet18",
        embedding_dim: int = 512,
        pretrained: bool = False,
        checkpoint: str | None = None,
        image_size: tuple[int, int] | None = None,
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
    ) -> None:
        super().__init__()
        require_positive("TimmBackbone", embedding_dim=embedding_dim)
        require_probability("dropout", dropout)
        if pretrained and checkpoint is not None:
            raise ValueError(f"TimmBackbone pretrained=True and checkpoint={checkpoint}: give one of them")
        if checkpoint is not None and not Path(checkpoint).is_file():
            raise FileNotFoundError(f"TimmBackbone checkpoint={checkpoint}: no such file")
        network = build(name, pretrained, image_size, stochastic_depth)
        if checkpoint is not None:
            load_weights(network, checkpoint)
        self.embedding_dim = embedding_dim
        self.image_size = image_size or built_for(network)
        self.network: nn.Module = network
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(getattr(network, "head_hidden_size", network.num_features), embedding_dim, bias=False),
            nn.BatchNorm1d(embedding_dim),
        )

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images (B, 3, H, W) as (B, D)."""
        embeddings_BD: Tensor = self.head(self.network(images_BCHW))
        return embeddings_BD
