"""The pairs that a network gets most wrong, by name, from the scores that its test kept."""

from __future__ import annotations

from facerec.pages.subject import Subject
from facerec.reports.figures import worst_pairs
from facerec.reports.scored import ScoredSet

MOST = 10  # of each kind
HEADING = ["set", "error", "score", "first image", "second image"]

Rows = list[list[str]]


def hardest_pairs(subject: Subject) -> Rows | str:
    """Rows of the worst false accepts and false rejects of a tested run, the heading first; or why there are none."""
    assert subject.test is not None
    rows = []
    for name, summary in subject.sets.items():
        try:
            kept = subject.test.scores(name)
        except (ValueError, FileNotFoundError) as error:
            return f"{error}"
        scored = ScoredSet(kept.scores, kept.same, summary.score)
        for genuine, error_name in ((False, "false accept"), (True, "false reject")):
            worst = worst_pairs(scored, summary.threshold, genuine=genuine, count=MOST).tolist()
            rows += [[name, error_name, f"{kept.scores[place]:.4f}", *kept.images[place]] for place in worst]
    if len(subject.sets) == 1:
        rows = [cells for _, *cells in rows]
    heading = HEADING if len(subject.sets) > 1 else HEADING[1:]
    return [heading, *rows] if rows else "No pair is on the wrong side of the EER threshold."
