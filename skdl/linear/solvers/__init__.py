"""Numerical methods for least squares, each on its page; none knows an estimator."""
