"""``facerec verify``: do two images show one person?"""

import argparse
import math

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.model_options import add_model_options, add_threshold_option, encode_with, model_of
from facerec.cli.status import Status
from facerec.inference.evidence import likelihood_of, log_ratio_of, probability, require_likelihood, told
from facerec.inference.images import PairFiles, read_pairs
from facerec.inference.model import FaceModel, decision_threshold
from facerec.metrics.likelihood import Likelihood
from facerec.metrics.scores import cosine_scores
from facerec.settings import require_within

EXAMPLES = """\
facerec verify A.jpg B.jpg --ckpt_path runs/NAME
facerec verify A.jpg B.jpg --ckpt_path model.onnx --threshold 0.4
facerec verify A.jpg B.jpg --ckpt_path runs/NAME --prior 0.5
facerec verify --pairs val_pairs.txt --images ver_data --ckpt_path runs/NAME
printf 'A.jpg B.jpg\\n' | facerec verify --pairs - --ckpt_path runs/NAME"""
NOTES = """\
The evidence is a likelihood ratio, from the validation pairs of the training. It is no probability: that needs --prior,
the probability of one person before the images were seen. In a list, --prior adds both as columns.

An image that cannot be used is named on standard error and counted; the decision on its pairs is `unknown`."""
MEANINGS = {
    Status.YES: "the same person (in every pair)",
    Status.NO: "different people (in at least one pair)",
    Status.ERROR: "error, or an image that cannot be used",
}


def main(args: list[str]) -> Status:
    """Score pairs and decide.

    Args:
        args: see ``facerec verify --help``.

    Returns:
        YES for the same person in every pair, NO for different people in at least one, ERROR if an image cannot be
        used.
    """
    parser = make_parser()
    options = parser.parse_args(args)
    if len(options.image) != (0 if options.pairs else 2):
        parser.error("give two images, or --pairs FILE")
    source = (
        read_pairs(options.pairs, options.images)
        if options.pairs
        else PairFiles([(options.image[0], options.image[1])], options.images)
    )
    if options.prior is not None:
        require_within("--", 0.0, 1.0, low_excluded=True, high_excluded=True, prior=options.prior)
    model = model_of(options)
    threshold = decision_threshold(model, options.threshold)
    likelihood = likelihood_of(model) if options.prior is None else require_likelihood(model)
    scores = cosine_scores(encode_with(options, model, source).embeddings, source.pairs).tolist()
    shown = f"{threshold:.4f} {_expected(model, options)}"
    if options.pairs:
        _print_pairs(source, scores, threshold, likelihood, options.prior)
        print(f"# threshold {shown}")
    elif not math.isnan(scores[0]):
        print(f"score      {scores[0]:.4f}\ndecision   {_decision(scores[0], threshold)}\nthreshold  {shown}")
        _print_evidence(scores[0], likelihood, options.prior)
    if any(map(math.isnan, scores)):
        return Status.ERROR
    return Status.YES if all(score >= threshold for score in scores) else Status.NO


def _print_pairs(
    source: PairFiles, scores: list[float], threshold: float, likelihood: Likelihood | None, prior: float | None
) -> None:
    """A line for each pair. Without a prior the columns are those of a facerec without likelihood ratios."""
    print("first\tsecond\tscore\tdecision" + ("" if prior is None else "\tlikelihood_ratio\tprobability"))
    for (first, second), score in zip(source.pairs.tolist(), scores, strict=True):
        line = f"{source.name(first)}\t{source.name(second)}\t{score:.6f}\t{_decision(score, threshold)}"
        if likelihood is not None and prior is not None:
            log_ratio = log_ratio_of(score, likelihood)
            line += f"\t{math.exp(log_ratio):.4g}\t{probability(log_ratio, prior):.4g}"
        print(line)


def _print_evidence(score: float, likelihood: Likelihood | None, prior: float | None) -> None:
    if likelihood is None:
        return
    log_ratio = log_ratio_of(score, likelihood)
    print(f"evidence   {told(log_ratio, likelihood)}")
    if prior is not None:
        print(f"one person {probability(log_ratio, prior):.4g} (probability, where it was {prior:g} before)")


def _decision(score: float, threshold: float) -> str:
    if math.isnan(score):
        return "unknown"
    return "same person" if score >= threshold else "different people"


def _expected(model: FaceModel, options: argparse.Namespace) -> str:
    if options.threshold is not None:
        return "(yours)"
    calibration = model.calibration or {}
    return f"(on the validation pairs: FAR {calibration['far']:.2%}, FRR {calibration['frr']:.2%})"


def make_parser() -> CommandParser:
    """The options of ``facerec verify``."""
    description = "Decide whether two images show the same person, by the cosine of their embeddings."
    parser = command_parser("verify", description, EXAMPLES, NOTES, MEANINGS)
    parser.add_argument("image", nargs="*", metavar="IMAGE", help="two images")
    parser.add_argument("--pairs", metavar="FILE", help="list with lines `image image`, or - for standard input")
    parser.add_argument("--images", default="", metavar="FOLDER", help="folder that relative paths start from")
    add_threshold_option(parser)
    parser.add_argument(
        "--prior", type=float, metavar="P", help="probability of one person before the score: print that after it"
    )
    add_model_options(parser)
    return parser
