"""Any network of PyTorch Image Models (https://github.com/huggingface/pytorch-image-models) with our embedding head.

For the comparison with the hand-written families, and for transfer learning from its weights.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from facerec.backbones.base import Backbone
from facerec.backbones.layers import require_positive, require_probability


class TimmBackbone(Backbone):
    """A timm network without its classifier, then dropout, a linear layer and batch normalisation.

    Args:
        name: name of the network in timm, such as ``resnet50`` or ``vit_small_patch16_224``.
        embedding_dim: length D of an embedding.
        pretrained: start from timm's published weights, downloaded at the first use. They expect images normalised
            with the mean and standard deviation in ``network.pretrained_cfg``.
        checkpoint: start from a local file of weights of this network instead.
        image_size: (height, width), for networks that are built for one size (transformers); by default timm's.
        dropout: probability of dropping a feature before the embedding layer.
        stochastic_depth: probability of dropping the last residual branch, where the network has any.

    Raises:
        ValueError: for a name that timm does not know, or settings out of range.
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
        import timm  # takes seconds, and only this class needs it

        super().__init__()
        require_positive("TimmBackbone", embedding_dim=embedding_dim)
        require_probability("dropout", dropout)
        if "/" not in name and not timm.is_model(name):
            near = get_close_matches(name, timm.list_models(), n=5) or ["resnet18", "resnet50", "convnext_tiny"]
            raise ValueError(f"TimmBackbone name={name!r}: timm has no such network; near it: {', '.join(near)}")
        if checkpoint is not None and not Path(checkpoint).is_file():
            raise FileNotFoundError(f"TimmBackbone checkpoint={checkpoint}: no such file")
        options: dict[str, Any] = {}
        if image_size is not None:
            options["img_size"] = image_size
        if stochastic_depth:
            options["drop_path_rate"] = stochastic_depth
        self.embedding_dim = embedding_dim
        network: Any = timm.create_model(
            name, pretrained=pretrained, checkpoint_path=checkpoint or "", num_classes=0, **options
        )
        self.network: nn.Module = network
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(network.num_features, embedding_dim, bias=False),
            nn.BatchNorm1d(embedding_dim),
        )

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images (B, 3, H, W) as (B, D)."""
        embeddings_BD: Tensor = self.head(self.network(images_BCHW))
        return embeddings_BD
