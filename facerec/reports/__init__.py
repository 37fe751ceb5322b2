"""What a measurement gives: numbers with intervals, tables, figures, files, and the comparison of runs."""
from facerec.reports.evaluation import evaluate
