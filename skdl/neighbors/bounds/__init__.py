"""Bounds of distances from cheap scores, so that a search computes few distances exactly."""
