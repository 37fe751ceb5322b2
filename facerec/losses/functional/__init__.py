"""The maths of the losses: pure functions without state, one file for each family."""

from facerec.losses.functional.class_samples import sample_classes
from facerec.losses.functional.cross_entropy import margin_cross_entropy, smallest_scale, unified_cross_entropy
from facerec.losses.functional.margin_softmax import Computation, Implementation, MarginSoftmax, Reweigh
from facerec.losses.functional.margins import (
    adapt_margin,
    add_angular_margin,
    angles,
    combine_margins,
    multiply_angle,
    sines,
    straight_through,
)
from facerec.losses.functional.matmul import MatmulPrecision, product
from facerec.losses.functional.pairs import (
    circle_pairs,
    contrastive,
    histogram_overlap,
    n_pair,
    n_pair_floor,
    supervised_contrastive,
)
from facerec.losses.functional.shard import Shard, Sharding, sharding_of
from facerec.losses.functional.sharded import nearest_of_all, own_cosines, sharded_softmax
from facerec.losses.functional.synthesis import Mixture, People, Synthesis, add_synthetic, draw_mixture
from facerec.losses.functional.triplets import Average, Distance, Strategy, triplet
from facerec.losses.functional.vectors import cosines, directions, inverse_norms

__all__ = [
    "Average",
    "Computation",
    "Distance",
    "Implementation",
    "MarginSoftmax",
    "MatmulPrecision",
    "Mixture",
    "People",
    "Reweigh",
    "Shard",
    "Sharding",
    "Strategy",
    "Synthesis",
    "adapt_margin",
    "add_angular_margin",
    "add_synthetic",
    "angles",
    "circle_pairs",
    "combine_margins",
    "contrastive",
    "cosines",
    "directions",
    "draw_mixture",
    "histogram_overlap",
    "inverse_norms",
    "margin_cross_entropy",
    "multiply_angle",
    "n_pair",
    "n_pair_floor",
    "nearest_of_all",
    "own_cosines",
    "product",
    "sample_classes",
    "sharded_softmax",
    "sharding_of",
    "sines",
    "smallest_scale",
    "straight_through",
    "supervised_contrastive",
    "triplet",
    "unified_cross_entropy",
]
