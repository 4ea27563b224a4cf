"""Coordinate ascent and EM written by hand for twelve models, to hold the compiled engine against."""
