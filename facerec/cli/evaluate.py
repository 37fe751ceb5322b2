"""``facerec evaluate``: the table of ``facerec test`` for a model that facerec did not train."""

import argparse
import warnings
from pathlib import Path

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.evaluate_images import PREPARATION, add_image_options, measured_images
from facerec.cli.evaluate_sources import Measured, measured_embeddings, measured_scores
from facerec.cli.status import Status
from facerec.data.checks import check_pair_names
from facerec.files import check_writable
from facerec.inference.encoding import BATCH_SIZE
from facerec.metrics import Calibration
from facerec.metrics.calibration import CalibrateAt
from facerec.reports.evaluated import add_grid, calibrated_on, count_looks, keep, logged, measure, what_misleads
from facerec.reports.evaluation import told_of_direction
from facerec.reports.groups import read_groups
from facerec.reports.measurement import METRICS, Measurement
from facerec.reports.summary import Summary
from facerec.reports.tables import summary_table

STAGE = "evaluate"
EXAMPLES = """\
facerec evaluate --scores scores.csv --val_scores val_scores.csv --output theirs
facerec evaluate --scores distances.csv --distance --columns score=dist same=label
facerec evaluate --embeddings embeddings.npz --pairs test_pairs.txt --val_pairs val_pairs.txt --output theirs
facerec evaluate --onnx w600k_r50.onnx --data.root DIR --output theirs
facerec compare --paired theirs runs/NAME"""
NOTES = """\
--scores takes a CSV whose first line names the columns: score (or distance) and same; where known, image_1 and image_2,
person_1 and person_2, fold, and groups such as sex_1 and sex_2. With people there are intervals by person; with images
`facerec compare --paired` can match the pairs. A CSV of scores alone needs --pairs, in the order of that list.
--embeddings takes what `facerec embed` writes, or any .npz with the arrays names and embeddings.
--pairs takes lines `image image 1` (or 0 for two people), or LFW's pairs.txt.

--output also counts looks at the test people, by FOLDER and by the folders beside it. Choose models by other people.

A threshold, and likelihood ratios, are chosen on pairs of validation people: --val_scores, --val_pairs, or
val_pairs.txt of --data.root. Without them no threshold is claimed. Higher scores mean more alike, unless --distance
says otherwise."""
MEANINGS = {Status.INCOMPLETE: "done, but pairs were left out (--skip_missing)"}
OF = {
    "scores": ("pairs", "val_scores", "val_pairs", "distance", "columns"),
    "embeddings": ("pairs", "val_pairs", "skip_missing", "score"),
    "onnx": ("pairs", "val_pairs", "score", "root", "layout", "images", "batch_size", "faces", *PREPARATION),
}
SPELLED = {"root": "data.root", "layout": "data.layout"}
MEASURES = {"scores": measured_scores, "embeddings": measured_embeddings, "onnx": measured_images}


def main(args: list[str]) -> Status:
    """Measure, print the table, and keep the files if an output is named.

    Args:
        args: see ``facerec evaluate --help``.

    Returns:
        DONE, or INCOMPLETE if pairs were left out.
    """
    parser = make_parser()
    options = parser.parse_args(args)
    kind = next(name for name in OF if getattr(options, name) is not None)
    _check(parser, options, kind)
    measured = MEASURES[kind](options)
    for message in what_misleads(measured.tests, measured.validation):
        warnings.warn(message, stacklevel=2)
    calibration = calibrated_on(measured.validation, options.calibrate_at)
    groups = {**measured.groups, **(read_groups(options.groups) if options.groups else {})}
    summaries, lines = measure(measured.tests, calibration, groups)
    for name, summary in summaries.items():
        if summary.auc < 0.5:
            way_out = ": --distance" if kind == "scores" and not options.distance else ""
            warnings.warn(f"{name}: {told_of_direction(summary)}{way_out}", stacklevel=2)
    if options.fold_grid:
        lines += add_grid(summaries, measured.tests)
    if measured.skipped:
        lines.append(f"{measured.skipped:,} pairs left out: an image of them has no embedding")
    if options.output is not None:
        measurement = _measurement(measured, summaries, calibration)
        with_faces = measured.has_images and options.faces != "false"
        lines += keep(Path(options.output), measurement, measured.tests, with_faces=with_faces)
        lines.append(count_looks(Path(options.output), measured.tests))
        lines.append(f"numbers, scores and figures: {options.output}")
    else:
        lines.append("this look at the test people was not counted: --output FOLDER counts looks")
    print("\n".join([summary_table(summaries), *lines]))
    return Status.INCOMPLETE if measured.skipped else Status.DONE


def _check(parser: CommandParser, options: argparse.Namespace, kind: str) -> None:
    """Refuse options of another kind, and leave the others at their defaults."""
    for name in sorted({name for names in OF.values() for name in names} - set(OF[kind])):
        if getattr(options, name):
            parser.error(f"--{SPELLED.get(name, name)} has no use with --{kind}: leave it out")
    if kind == "embeddings" and options.pairs is None:
        parser.error("--embeddings needs --pairs LIST")
    if kind == "onnx" and options.root is None and options.pairs is None:
        parser.error("--onnx needs --data.root DIR, or --pairs LIST --images FOLDER")
    if kind == "onnx" and (options.pairs or options.val_pairs) and options.images is None:
        parser.error("--onnx with a list needs --images FOLDER, the folder that its paths start from")
    if kind == "scores" and options.pairs is None and options.val_pairs is not None:
        parser.error("--val_pairs belongs to --pairs: give --val_scores alone")
    if kind == "scores" and options.val_scores is None and options.val_pairs is not None:
        parser.error("--val_pairs needs --val_scores, the scores of its pairs")
    check_pair_names("--name", [options.name], reserved="dev")
    if options.output is not None:
        check_writable(Path(options.output) / METRICS)
    options.score = options.score or "cosine"
    options.batch_size = BATCH_SIZE if options.batch_size is None else options.batch_size


def _measurement(measured: Measured, summaries: dict[str, Summary], calibration: Calibration | None) -> Measurement:
    return Measurement(
        stage=STAGE,
        checkpoint=measured.model,
        score=measured.score,
        flip_test=measured.flip_test,
        precision="32-true" if measured.has_images else None,
        calibration=calibration,
        logged=logged(summaries, STAGE),
        sets=summaries,
    )


def _place(text: str) -> CalibrateAt:
    if text in ("eer", "accuracy"):
        return "eer" if text == "eer" else "accuracy"
    try:
        far = float(text)
    except ValueError:
        far = 0.0
    if not 0.0 < far <= 1.0:
        raise argparse.ArgumentTypeError(f"{text}: give eer, accuracy or a FAR such as 0.001")
    return far


def make_parser() -> CommandParser:
    """The options of ``facerec evaluate``."""
    description = "Measure anyone's model: the table, figures and files of `facerec test`."
    parser = command_parser("evaluate", description, EXAMPLES, NOTES, MEANINGS)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--scores", metavar="FILE.csv", help="scores of pairs")
    what.add_argument("--embeddings", nargs="+", metavar="FILE.npz", help="embeddings of images, by name")
    what.add_argument("--onnx", metavar="MODEL.onnx", help="network that embeds images")
    parser.add_argument("--pairs", metavar="LIST", help="pairs to measure on")
    parser.add_argument("--val_scores", metavar="FILE.csv", help="scores of pairs of validation people")
    parser.add_argument("--val_pairs", metavar="LIST", help="pairs of validation people")
    parser.add_argument(
        "--columns", nargs="+", metavar="NAME=COLUMN", help="your names of the columns; all others are passed over"
    )
    parser.add_argument("--distance", action="store_true", help="a lower score means more alike")
    parser.add_argument(
        "--score", choices=("cosine", "euclidean"), help="how embeddings are compared (default: cosine)"
    )
    parser.add_argument(
        "--skip_missing", action="store_true", help="leave out and count pairs of an image without embedding"
    )
    parser.add_argument(
        "--calibrate_at",
        type=_place,
        default="eer",
        metavar="WHERE",
        help="place of the threshold on the validation pairs: eer, accuracy, or a FAR (default: eer)",
    )
    parser.add_argument(
        "--groups", metavar="FILE.csv", help="groups of people: a column person, and one for each attribute"
    )
    parser.add_argument(
        "--fold_grid", action="store_true", help="also the accuracy over folds at lfw_eval.py's 400 thresholds, -1 to 1"
    )
    parser.add_argument("--output", metavar="FOLDER", help="folder for metrics.json, scores and figures")
    parser.add_argument("--name", default="pairs", help="name of the set of pairs (default: %(default)s)")
    parser.add_argument("--faces", choices=("true", "false"), help="images of faces among the figures (default: true)")
    parser.add_argument("--batch_size", type=int, metavar="N", help=f"images in a forward pass (default: {BATCH_SIZE})")
    add_image_options(parser)
    return parser
