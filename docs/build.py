"""Build the site of the documents: `python docs/build.py`, then open build/docs/site/index.html.

The documents are copied to where they lie in the repository, and nothing in them is changed. So a link leads to the
same place on the site as in the repository, and no text stands twice. A link to nowhere ends the build.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "docs"
DOCUMENTS = ("*.md", "docs/**/*.md", "docs/*.css", "facerec/**/README.md", "benchmarks/README.md", "notebooks/*")
EXPERIMENTS = tuple(f"experiments/**/*.{suffix}" for suffix in ("md", "yaml", "png", "csv"))


def main() -> int:
    """Exit status of the build: 0, or that of zensical, which names each broken link with its line."""
    shutil.rmtree(BUILD, ignore_errors=True)
    for pattern in DOCUMENTS + EXPERIMENTS:
        for file in ROOT.glob(pattern):
            copy = BUILD / "pages" / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    shutil.copy(ROOT / "docs" / "mkdocs.yml", BUILD)
    return subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=BUILD).returncode


if __name__ == "__main__":
    raise SystemExit(main())
