"""A lab book, a launcher and a scoreboard for identification models, in one terminal."""

__version__ = "0.1.0"
