"""facerec: train face recognition from scratch and measure it honestly.

Nothing heavy is imported here, so that ``facerec --help`` answers at once.
"""

__version__ = "0.1.0"
