"""The training that most tests are about: one, without a trial, of the inputs as they are."""

from skdl.optimizers import Adam
from skdl.schedules import Cosine

PLAIN = {"encoding": None, "early_stopping": False}  # no rows set apart, no encoded inputs
FULLY_PLAIN = {  # and the textbook's steps
    **PLAIN,
    "optimizer": Adam(learning_rate=0.01),
    "schedule": Cosine(end=0.03),
    "alpha": 1e-3,
    "max_iter": 30,
}
