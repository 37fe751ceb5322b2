"""Numbers as a page writes them."""

from facerec.metrics import Interval
from facerec.reports.summary import Summary


def percent(rate: float) -> str:
    """A rate with the digits of ``facerec test``.

    Example:
        >>> percent(0.0956)
        '9.56%'
    """
    return f"{rate:.2%}"


def interval_text(interval: Interval | None) -> str:
    """Both ends of an interval.

    Example:
        >>> interval_text(Interval(0.0305, 0.1756))
        '3.05% to 17.56%'
    """
    return "" if interval is None else f"{percent(interval.low)} to {percent(interval.high)}"


def error_interval(summary: Summary) -> tuple[Interval, str]:
    """The interval of the EER, and what it is over: people where they are known, because pairs are not independent."""
    by_person = summary.interval_by_person
    found, kind = (by_person, "person") if by_person is not None else (summary.interval_by_pair, "pair")
    return found.equal_error_rate, kind


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "person", "people"), counted(4500, "pair")
        ('1 person', '4,500 pairs')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
