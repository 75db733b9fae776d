"""Nearest neighbours: two estimators, the metrics, exact searches, and bounds that make these fast."""
