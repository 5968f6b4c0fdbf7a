"""The version of docharmony."""

__version__ = "0.1.0"
