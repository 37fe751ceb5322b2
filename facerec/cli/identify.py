"""``facerec identify``: who of a gallery is it, if anyone?"""

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.identify_threshold import chosen_threshold, grid_of, validation_probes
from facerec.cli.model_options import (
    LEFT_OUT,
    add_images_argument,
    add_model_options,
    add_threshold_option,
    alignment_name,
    encode_with,
    model_of,
    report_unread,
)
from facerec.cli.status import Status
from facerec.data.sources import Images, ImageSource
from facerec.files import check_writable, written_whole
from facerec.inference.encoding import Encoded
from facerec.inference.gallery import Gallery, Match, MatchBy
from facerec.inference.images import ImageFiles, find_images
from facerec.inference.model import FaceModel, decision_threshold
from facerec.inference.submission import CLASSIFICATION_COLUMNS, in_sample_order, read_sample, write_rows

NOBODY = "no correspondence"
EXAMPLES = """\
facerec identify visitor.jpg --ckpt_path runs/NAME --gallery gallery.npz
facerec identify door_camera/ --ckpt_path runs/NAME --gallery gallery.npz --align --output visitors.csv
facerec identify --val_probes val_probes.txt --ckpt_path runs/NAME --gallery gallery.npz
facerec identify ver_data/unknown/ --ckpt_path runs/NAME --gallery gallery.npz --threshold 0.4 \\
    --submission submission.csv --nobody n000000
find . -name '*.jpg' | facerec identify - --ckpt_path runs/NAME --gallery gallery.npz"""
NOTES = f"""\
The calibrated threshold is right for one comparison. Among many people, somebody resembles a stranger more often:
raise --threshold as the gallery grows, or let --val_probes choose it. That takes images of validation people, some of
them enrolled and some not: a folder for each person, or a list with lines `image name`. Never choose it on the people
whom you report.
--submission writes `id,label`: number of the image from 0, in the order of the sorted names, and the person.
{LEFT_OUT}"""
MEANINGS = {
    Status.YES: "everyone is in the gallery",
    Status.NO: f"at least one {NOBODY!r}",
    Status.ERROR: "error, or an image that cannot be used",
}


def main(args: list[str]) -> Status:
    """Name the person in each image.

    Args:
        args: see ``facerec identify --help``.

    Returns:
        YES if everyone is in the gallery, NO if at least one person is not, ERROR if an image cannot be used.
    """
    parser = make_parser()
    options = parser.parse_args(args)
    _check(parser, options)
    gallery = Gallery.load(options.gallery)
    sample = read_sample(options.sample) if options.sample else None
    source = find_images(options.image) if options.image else ImageFiles([])
    validation = validation_probes(options) if options.val_probes is not None else None
    model = model_of(options)
    of_images: Images = validation if validation is not None and not options.image else source
    gallery.check_model(model.fingerprint, alignment_name(options, model, of_images))
    threshold, lines = _threshold(options, model, gallery, validation, source.names)
    if not options.image:
        print("\n".join(lines))
        return Status.DONE
    report_unread(source)
    encoded = encode_with(options, model, source)
    matches = iter(gallery.search(encoded.embeddings[encoded.usable], options.match))
    found = [next(matches) if usable else None for usable in encoded.usable]
    print("image\tperson\tscore\trunner-up\tscore")
    for name, match in zip(source.names, found, strict=True):
        if match is not None:
            print(f"{name}\t{_row(match, threshold)}")
    print("\n".join(lines))
    if options.output is not None:
        _write(options.output, source.names, found, threshold)
    if options.submission is not None:
        _submit(options, sample, source.names, found, threshold)
    return _status(encoded, found, threshold)


def _check(parser: CommandParser, options: argparse.Namespace) -> None:
    if not options.image and options.val_probes is None:
        parser.error("give images, or --val_probes to choose a threshold")
    if options.threshold is not None and options.val_probes is not None:
        parser.error("--threshold and --val_probes both give the threshold: leave one out")
    if options.grid is not None and options.val_probes is None:
        parser.error("--grid needs --val_probes, the images that choose a threshold of it")
    grid_of(options)  # refuses a bad one before anything is read
    for name in ("sample", "columns", "fill"):
        if getattr(options, name) and options.submission is None:
            parser.error(f"--{name} belongs to --submission: leave it out")
    for path in (options.output, options.submission):
        if path is not None:
            if not options.image:
                parser.error(f"{path} needs images to identify")
            check_writable(path)


def _threshold(
    options: argparse.Namespace,
    model: FaceModel,
    gallery: Gallery,
    validation: ImageSource | None,
    probes: Sequence[str],
) -> tuple[float, list[str]]:
    """The threshold, and the lines about it."""
    if validation is not None:
        threshold, lines = chosen_threshold(options, model, gallery, validation, probes)
        return threshold, [*lines, f"# {len(gallery)} people"]
    threshold = decision_threshold(model, options.threshold)
    return threshold, [f"# threshold {threshold:.4f}, {len(gallery)} people"]


def _status(encoded: Encoded, found: Sequence[Match | None], threshold: float) -> Status:
    if encoded.left_out:
        return Status.ERROR
    return Status.YES if all(match is not None and match.score >= threshold for match in found) else Status.NO


def _name(match: Match, threshold: float, nobody: str = NOBODY) -> str:
    return match.name if match.score >= threshold else nobody


def _row(match: Match, threshold: float) -> str:
    name = _name(match, threshold)
    # Where nobody corresponds, the one most like the face is the runner-up.
    second, score = (match.runner_up, match.runner_up_score) if name != NOBODY else (match.name, match.score)
    rest = f"{second}\t{score:.4f}" if second is not None and not math.isnan(score) else "\t"
    return f"{name}\t{match.score:.4f}\t{rest}"


def _write(path: str, names: Sequence[str], found: Sequence[Match | None], threshold: float) -> None:
    """Write ``probe,identity,score`` of each image that could be used."""
    with (
        written_whole(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("probe", "identity", "score"))
        writer.writerows(
            (name, _name(match, threshold), f"{match.score:.9g}")
            for name, match in zip(names, found, strict=True)
            if match is not None
        )
    print(f"# {path}: {sum(match is not None for match in found)} rows probe,identity,score")


def _submit(
    options: argparse.Namespace,
    sample: tuple[tuple[str, str], list[str]] | None,
    names: Sequence[str],
    found: Sequence[Match | None],
    threshold: float,
) -> None:
    """Write the submission of a course: a row for each image, in the sample's order if there is one."""
    labels = [options.fill if match is None else _name(match, threshold, options.nobody) for match in found]
    files = [Path(name).name for name in names]
    # A sample numbers the images, or names them.
    is_named = sample is not None and set(sample[1]) <= set(files) and len(set(files)) == len(files)
    rows = list(zip(files if is_named else map(str, range(len(names))), labels, strict=True))
    given = tuple(options.columns) if options.columns else None
    if sample is not None:
        if given not in (None, sample[0]):
            raise ValueError(f"--columns {' '.join(options.columns)}: {options.sample} has {' '.join(sample[0])}")
        rows = in_sample_order(rows, sample[1], options.sample)
        given = sample[0]
    first, second = given or CLASSIFICATION_COLUMNS
    write_rows(options.submission, (first, second), rows)
    unused = sum(match is None for match in found)
    note = f"; {unused} of images that cannot be used hold {options.fill!r} (--fill)" if unused else ""
    print(f"# {options.submission}: {len(rows)} rows {first},{second}{note}")


def make_parser() -> CommandParser:
    """The options of ``facerec identify``."""
    description = "Name the person in each image, from a gallery, or say that nobody in it corresponds."
    parser = command_parser("identify", description, EXAMPLES, NOTES, MEANINGS)
    add_images_argument(parser, needed=False)
    parser.add_argument("--gallery", required=True, metavar="FILE.npz", help="gallery of `facerec enroll`")
    parser.add_argument(
        "--match",
        choices=get_args(MatchBy),
        default="mean",
        help="what of a person is compared: the mean of his or her images, or the nearest image (default: %(default)s)",
    )
    add_threshold_option(parser)
    parser.add_argument(
        "--val_probes", metavar="PATH", help="images of validation people, enrolled and not, that choose the threshold"
    )
    parser.add_argument(
        "--grid",
        type=float,
        nargs=3,
        metavar=("LOW", "HIGH", "STEP"),
        help="thresholds to try on --val_probes (default: -1 1 0.005, those of lfw_eval.py)",
    )
    parser.add_argument("--output", metavar="FILE.csv", help="file for probe, identity and score")
    parser.add_argument("--submission", metavar="FILE.csv", help="file for a course's submission, id and label")
    parser.add_argument("--nobody", default=NOBODY, metavar="TEXT", help="its label for nobody (default: %(default)s)")
    parser.add_argument("--sample", metavar="FILE.csv", help="sample submission, whose ids and columns must match")
    parser.add_argument(
        "--columns", nargs=2, metavar=("ID", "LABEL"), help="names of its columns (default: id label, or the sample's)"
    )
    parser.add_argument(
        "--fill", default="", metavar="TEXT", help="its label for an image that cannot be used (default: empty)"
    )
    add_model_options(parser)
    return parser
