"""Polynomial regression on Chebyshev products of several features."""
