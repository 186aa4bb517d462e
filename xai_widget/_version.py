"""The version, here once: the build reads it, and nothing is imported."""

__version__ = "0.1.0"
