"""Linear models: least squares, polynomials and softmax regression, a room each, and the solvers that they share."""
