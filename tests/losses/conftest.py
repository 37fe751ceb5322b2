"""Says at the end of the tests how many batches the fuzz has tried."""

import pytest

from tests.losses.loss_cases import FUZZED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FUZZED:
        terminalreporter.write_line(
            f"fuzz: {FUZZED.total():,} batches with embeddings of length 1e-12 to 1e6 went through {len(FUZZED)} cases "
            "of losses, each twice, forward and backward: all finite"
        )
