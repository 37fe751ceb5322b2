"""``facerec verify``: do two images show one person?"""

import argparse
import math

from facerec.cli.messages import messages
from facerec.cli.model_options import (
    ERROR,
    EXIT_STATUS,
    NO,
    YES,
    add_model_options,
    command_parser,
    encode_with,
    model_of,
)
from facerec.inference.images import PairFiles, read_pairs
from facerec.inference.model import FaceModel, decision_threshold
from facerec.metrics.scores import cosine_scores

EXAMPLES = """\
  facerec verify A.jpg B.jpg --ckpt_path best.ckpt
  facerec verify A.jpg B.jpg --ckpt_path model.onnx --threshold 0.4
  facerec verify --pairs val_pairs.txt --images ver_data --ckpt_path best.ckpt
  printf 'A.jpg B.jpg\\n' | facerec verify --pairs - --ckpt_path best.ckpt

exit status: 0 the same person (in every pair), 1 different people (in at least one), 2 an error"""


@messages(ERROR)
def main(args: list[str]) -> int:
    """Score pairs and decide.

    Args:
        args: see ``facerec verify --help``.

    Returns:
        0 the same person in every pair, 1 different people in at least one, 2 if an image cannot be used.
    """
    parser = _parser()
    options = parser.parse_args(args)
    if len(options.image) != (0 if options.pairs else 2):
        parser.error("give two images, or --pairs FILE")
    source = (
        read_pairs(options.pairs, options.images)
        if options.pairs
        else PairFiles([(options.image[0], options.image[1])], options.images)
    )
    model = model_of(options)
    threshold = decision_threshold(model, options.threshold)
    scores = cosine_scores(encode_with(options, model, source).embeddings, source.pairs).tolist()
    expected = _expected(model, options)
    if options.pairs:
        print("first\tsecond\tscore\tdecision")
        for (first, second), score in zip(source.pairs.tolist(), scores, strict=True):
            print(f"{source.name(first)}\t{source.name(second)}\t{score:.6f}\t{_decision(score, threshold)}")
        print(f"# threshold {threshold:.4f} {expected}")
    elif not math.isnan(scores[0]):
        print(f"score      {scores[0]:.4f}")
        print(f"decision   {_decision(scores[0], threshold)}")
        print(f"threshold  {threshold:.4f} {expected}")
    if any(map(math.isnan, scores)):
        return ERROR
    return YES if all(score >= threshold for score in scores) else NO


def _decision(score: float, threshold: float) -> str:
    if math.isnan(score):
        return "unknown"
    return "same person" if score >= threshold else "different people"


def _expected(model: FaceModel, options: argparse.Namespace) -> str:
    if options.threshold is not None:
        return "(yours)"
    calibration = model.calibration or {}
    return f"(on the validation pairs: FAR {calibration['far']:.2%}, FRR {calibration['frr']:.2%})"


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "verify", f"Do two images show one person? Cosine score, decision, threshold; {EXIT_STATUS}.", EXAMPLES
    )
    parser.add_argument("image", nargs="*", help="two images")
    parser.add_argument("--pairs", metavar="FILE", help="lines `image image`, or - for standard input")
    parser.add_argument("--images", default="", metavar="FOLDER", help="that paths are relative to")
    parser.add_argument("--threshold", type=float, help="cosine that decides; by default the model's calibrated one")
    add_model_options(parser)
    return parser
