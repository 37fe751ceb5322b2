"""``python -m facerec``."""

from facerec.cli import main

main()
