"""Softmax (multinomial logistic) regression: the objective, its preconditioners and the estimator."""
