"""Metrics: their formulas, and the parameters of an estimator that choose one."""
