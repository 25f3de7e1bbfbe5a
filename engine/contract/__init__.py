"""What stands between the engine and whaletui: files on disk and the words for them.

Only the standard library, msgspec and numpy are imported here, and numpy only by the modules that
need arrays (`predictions`, `ranking`), so that a terminal program can read a run without waiting.
"""
