"""Exact searches for the k nearest rows, and the choice among them."""
