"""Scores: reading them and turning them into sound."""
