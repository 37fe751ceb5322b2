"""``facerec predict``: the two submissions that a course asks for."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.model_options import add_model_options, embedder_of, encode_with, report_unread
from facerec.cli.status import Status
from facerec.data.formats.folders import images_below
from facerec.data.formats.lists import ListPairs
from facerec.data.unread import unread_hint
from facerec.files import check_writable
from facerec.inference.embedder import Embedder
from facerec.inference.images import STDIN, ImageFiles, find_images, read_pairs
from facerec.inference.submission import (
    CLASSIFICATION_COLUMNS,
    VERIFICATION_COLUMNS,
    in_sample_order,
    predict_classes,
    read_sample,
    score_rows,
    write_metadata,
    write_rows,
)
from facerec.metrics.scores import cosine_scores

EXAMPLES = """\
facerec predict --pairs test_pairs.txt --images ver_data --ckpt_path runs/NAME --output submission.csv \\
    --sample sample_submission.csv
facerec predict --classify cls_data/test/images --ckpt_path runs/NAME --output classes.csv"""
NOTES = """\
--pairs writes `ID,Label`: number of the line from 0, and cosine of the pair, in the order of the list (HW2P2's
verification). --classify writes `id,label`: name of the image, and the training person with the highest logit. Both
also write FILE.metadata.json, with parameter_count and model_architecture.
An image that cannot be used is named on standard error and counted; its row holds the text of --fill."""
MEANINGS = {Status.INCOMPLETE: "some rows filled by --fill"}


def main(args: list[str]) -> Status:
    """Write a submission and the model's metadata.

    Args:
        args: see ``facerec predict --help``.

    Returns:
        DONE, or INCOMPLETE if an image cannot be used.
    """
    parser = make_parser()
    options = parser.parse_args(args)
    if options.pairs and not options.images:
        parser.error("--pairs needs --images FOLDER, the folder that its paths start from")
    if options.images and not options.pairs:
        parser.error("--images belongs to --pairs: leave it out with --classify")
    # Encoding takes long, so a bad sample or columns that differ from it are refused before.
    sample_columns, sample_ids = read_sample(options.sample) if options.sample else (None, None)
    columns = _columns(options, sample_columns)
    check_writable(options.output)
    embedder = embedder_of(options)
    rows, left_out = (_verification if options.pairs else _classification)(options, embedder)
    if sample_ids is not None:
        rows = in_sample_order(rows, sample_ids, options.sample)
    write_rows(options.output, columns, rows)
    metadata_path = Path(options.output).with_suffix(".metadata.json")
    metadata = write_metadata(metadata_path, embedder)
    print(f"{options.output}: {len(rows)} rows {','.join(columns)}")
    print(f"{metadata_path}: {metadata['parameter_count']:,} parameters")
    if left_out:
        print(f"{left_out} rows of images that cannot be used hold {options.fill!r} (--fill)")
    return Status.INCOMPLETE if left_out else Status.DONE


def _columns(options: argparse.Namespace, sample: tuple[str, str] | None) -> tuple[str, str]:
    """The column names given, else the sample's, else the course's.

    Raises:
        ValueError: if the ones given are not the sample's.
    """
    if options.columns and sample and tuple(options.columns) != sample:
        raise ValueError(f"--columns {' '.join(options.columns)}: {options.sample} has {' '.join(sample)}")
    given: Sequence[str] | None = options.columns or sample
    first, second = given or (VERIFICATION_COLUMNS if options.pairs else CLASSIFICATION_COLUMNS)
    return first, second


def _verification(options: argparse.Namespace, embedder: Embedder) -> tuple[list[tuple[str, str]], int]:
    source = read_pairs(STDIN, options.images) if options.pairs == STDIN else ListPairs(options.images, options.pairs)
    encoded = encode_with(options, embedder, source)
    scores = cosine_scores(encoded.embeddings, source.pairs).tolist()
    return score_rows(scores, options.fill), sum(map(math.isnan, scores))


def _classification(options: argparse.Namespace, embedder: Embedder) -> tuple[list[tuple[str, str]], int]:
    folder = Path(options.classify)
    is_folder = options.classify != STDIN and folder.is_dir()  # whose images are called by their names in it
    source = ImageFiles(images_below(folder), folder, [folder]) if is_folder else find_images([options.classify])
    if not len(source):
        raise ValueError(f"--classify {folder}: no images in it{unread_hint(folder)}")
    report_unread(source)
    encoded = encode_with(options, embedder, source)
    classes = iter(predict_classes(embedder, encoded.embeddings[encoded.usable]))
    labels = [next(classes) if usable else options.fill for usable in encoded.usable]
    return list(zip(source.names, labels, strict=True)), len(encoded.left_out)


def make_parser() -> CommandParser:
    """The options of ``facerec predict``."""
    description = "Write a course's submission: scores of pairs, or classes of images."
    parser = command_parser("predict", description, EXAMPLES, NOTES, MEANINGS)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pairs", metavar="FILE", help="pairs to score: list with lines `image image`, or - for stdin")
    what.add_argument("--classify", metavar="FOLDER", help="images to classify: folder, list of paths, or - for stdin")
    parser.add_argument("--images", metavar="FOLDER", help="folder that the paths of --pairs start from")
    parser.add_argument("--output", required=True, metavar="FILE.csv", help="submission to write")
    parser.add_argument(
        "--sample", metavar="FILE.csv", help="sample submission, whose length, ids and columns must match"
    )
    parser.add_argument(
        "--columns",
        nargs=2,
        metavar=("ID", "LABEL"),
        help="names of the two columns (default: those of --sample, else ID Label with --pairs, id label with "
        "--classify)",
    )
    parser.add_argument(
        "--fill", default="", metavar="TEXT", help="value of an image that cannot be used (default: empty)"
    )
    add_model_options(parser, onnx=False)
    return parser
