"""What a measurement gives: numbers with intervals, tables, figures, files, and the comparison of runs.

Nothing here needs Lightning: :func:`evaluate` measures anyone's scores or embeddings.
"""

from facerec.reports.calibration import calibrate, calibrate_sets
from facerec.reports.comparison import as_csv, as_markdown, compare_runs
from facerec.reports.curves import cmc_figure, det_figure, verification_figure
from facerec.reports.evaluation import evaluate
from facerec.reports.figures import evaluation_figures, pairs_figure, worst_pairs
from facerec.reports.fitted import fitted_table
from facerec.reports.groups import groups_table, rates_of_groups, read_groups
from facerec.reports.identification import Identification, identify
from facerec.reports.measurement import Measurement, read_metrics, write_metrics
from facerec.reports.paired import PairedComparison, compare_scores
from facerec.reports.paired_runs import PairedRuns, compare_paired
from facerec.reports.qualities import read_qualities
from facerec.reports.quality import Discard, error_against_discard
from facerec.reports.runs import Run, find_runs, read_run
from facerec.reports.scored import ScoredSet
from facerec.reports.summary import Summary, summarise
from facerec.reports.tables import format_table, summary_table
from facerec.reports.threshold import ThresholdErrors, errors_at

__all__ = [
    "Discard",
    "Identification",
    "Measurement",
    "PairedComparison",
    "PairedRuns",
    "Run",
    "ScoredSet",
    "Summary",
    "ThresholdErrors",
    "as_csv",
    "as_markdown",
    "calibrate",
    "calibrate_sets",
    "cmc_figure",
    "compare_paired",
    "compare_runs",
    "compare_scores",
    "det_figure",
    "error_against_discard",
    "errors_at",
    "evaluate",
    "evaluation_figures",
    "find_runs",
    "fitted_table",
    "format_table",
    "groups_table",
    "identify",
    "pairs_figure",
    "rates_of_groups",
    "read_groups",
    "read_metrics",
    "read_qualities",
    "read_run",
    "summarise",
    "summary_table",
    "verification_figure",
    "worst_pairs",
    "write_metrics",
]
