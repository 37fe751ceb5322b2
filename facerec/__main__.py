"""``python -m facerec``."""

from facerec.cli import main

if __name__ == "__main__":
    main()
