"""Spectra that a network imagines, and the sound that they stand for."""
