"""Embedded images without a network."""

import numpy as np
import torch

from facerec.plots import EmbeddedImages


def embedded(people: int = 3, images: int = 4, length: int = 5, seed: int = 0) -> EmbeddedImages:
    generator = torch.Generator().manual_seed(seed)
    names = [f"p{person}" for person in np.repeat(np.arange(people), images)]
    return EmbeddedImages("net", "dev images", torch.randn(len(names), length, generator=generator), names, [])


def texts(legend) -> list[str]:
    return [text.get_text() for text in legend.get_texts()]
