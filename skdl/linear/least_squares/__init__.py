"""Linear least squares: the estimator, its problem, the choice of a solver, and statistics of the fit."""
