"""``facerec align``: find the faces in a folder of images and align them to a template."""

import argparse
import math

from facerec.align.aligner import FACES, Face
from facerec.align.detectors import DETECTORS
from facerec.align.landmarks import TEMPLATES
from facerec.align.record import UNALIGNED_FILE
from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.status import Status
from facerec.preparation.aligning import LANDMARKS_FILE, AlignedFolder, align_folder
from facerec.preparation.ways import ByCentre, ByDetector, ByLandmarks, Way
from facerec.settings import require_within

EXAMPLES = f"""\
facerec align photos/ faces/
facerec align photos/ faces96/ --template 96x112 --landmarks faces/{LANDMARKS_FILE}
facerec align lfw/ lfw_aligned/ --landmarks lfw_landmark.txt --detector mtcnn
facerec align lfw/ lfw_cropped/ --center_crop 0.5
facerec align photos/ faces/ --detector opencv --model face_detection_yunet_2023mar.onnx --workers 4"""
NOTES = f"""\
DST keeps the folders and names of SRC, so lists of labels and pairs stay valid; copy those lists yourself. DST also
gets:
  alignment.json   how the faces were aligned; training and testing read it, and warn where the two differ
  {LANDMARKS_FILE}    image and five points (left eye, right eye, nose, left and right mouth corner) in pixels of SRC,
                   separated by tabs
  {UNALIGNED_FILE}    image, problem and reason, if there are images that could not be aligned

After an interruption, the same command goes on where it was. It makes an image again if its aligned file is missing or
older than it, or if its points are not in the list. Other settings need another DST.

detectors:
  yunet    pip install "facerec[align]", on Python 3.10 and 3.11 for x86-64 Linux and Windows
  mtcnn    pip install "facerec[align]", on every Python and system
  opencv   pip install opencv-python-headless, and a YuNet network from OpenCV's model zoo
The default is yunet where it is installed, else mtcnn. Name mtcnn to get the same faces on every machine.
Align training and test images with the same detector: with another one, an EER of 1.6 % became 2.0 % (LFW,
MobileFaceNet)."""
MEANINGS = {
    Status.DONE: "every image is aligned",
    Status.INCOMPLETE: f"some images are in {UNALIGNED_FILE}, the others are aligned",
}


def main(args: list[str]) -> Status:
    """Align a folder.

    Args:
        args: options; see ``facerec align --help``.

    Returns:
        DONE, or INCOMPLETE if some images could not be aligned.
    """
    options = make_parser().parse_args(args)
    way = _way(options)
    summary = align_folder(options.source, options.destination, way, options.workers)
    print(f"{way.alignment}: {_describe(summary, options)}")
    for line in summary.unread:
        print(line)
    return Status.INCOMPLETE if summary.problems or summary.unread else Status.DONE


def _way(options: argparse.Namespace) -> Way:
    """The way to align that the options ask for.

    Raises:
        ValueError: for options that exclude each other.
    """
    require_within("--", 0, math.inf, workers=options.workers)
    by_points = options.landmarks is not None or options.center_crop is not None
    if options.landmarks is not None and options.center_crop is not None:
        raise ValueError("--landmarks and --center_crop exclude each other: a centre crop uses no points")
    if by_points and (options.model is not None or options.min_score is not None or options.face is not None):
        raise ValueError("--model, --min_score and --face are for a detector: --landmarks and --center_crop use none")
    if options.center_crop is not None:
        if options.detector is not None:
            raise ValueError("--detector and --center_crop exclude each other: a centre crop uses no detector")
        return ByCentre(options.template, options.center_crop)
    if options.landmarks is not None:
        return ByLandmarks(options.landmarks, options.source, options.template, options.detector)
    face: Face = options.face or "largest"
    return ByDetector(options.detector, options.template, face, options.min_score, options.model)


def make_parser() -> CommandParser:
    """The options of ``facerec align``."""
    description = "Find the face in every image of a folder, and move its five points to those of a template."
    parser = command_parser("align", description, EXAMPLES, NOTES, MEANINGS)
    parser.add_argument("source", metavar="SRC", help="folder of images, with all folders in it")
    parser.add_argument("destination", metavar="DST", help="new or empty folder, or one of an interrupted run")
    parser.add_argument(
        "--template",
        choices=list(TEMPLATES),
        default="112x112",
        help="width x height and points of the aligned face (default: %(default)s); 96x112 is model.image_size "
        "[112, 96]",
    )
    parser.add_argument(
        "--detector",
        choices=DETECTORS,
        help="face detector (default: yunet where it is installed, else mtcnn); with --landmarks, the detector of its "
        "points, to be recorded",
    )
    parser.add_argument("--model", metavar="FILE", help="network file of --detector opencv")
    parser.add_argument(
        "--min_score", type=float, metavar="SCORE", help="lowest score of a face (default: yunet 0.6, others 0.9)"
    )
    parser.add_argument("--face", choices=FACES, help="face to take where there are several (default: largest)")
    parser.add_argument(
        "--landmarks",
        metavar="FILE",
        help="list of points to use in place of a detector: lines `image [label] x1 y1 ... x5 y5`, separated by tabs",
    )
    parser.add_argument(
        "--center_crop",
        type=float,
        nargs="?",
        const=1.0,
        metavar="FRACTION",
        help="crop of the image centre in place of a detector, as a fraction of the largest crop with the template's "
        "aspect ratio (1.0 if no number is given)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="number of worker processes (default: %(default)s, this process alone)",
    )
    return parser


def _describe(summary: AlignedFolder, options: argparse.Namespace) -> str:
    parts = [f"{summary.made} images aligned into {options.destination}"]
    if summary.kept:
        parts.append(f"{summary.kept} were there already")
    if summary.several_faces:
        parts.append(f"{summary.several_faces} show several faces, of which the {options.face or 'largest'} was taken")
    if summary.problems:
        counts = ", ".join(f"{count} {problem}" for problem, count in sorted(summary.problems.items()))
        parts.append(
            f"{sum(summary.problems.values())} left out ({counts}), see {options.destination}/{UNALIGNED_FILE}"
        )
    if summary.strays:
        parts.append(
            f"{len(summary.strays)} images of {options.destination} belong to none of {options.source}, "
            f"{summary.strays[0]} for one: remove them unless you put them there"
        )
    return "; ".join(parts)
