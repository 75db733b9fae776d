"""The one place that executes: decides how trainings are grouped, cut into blocks, and given to threads or processes.

The engine trains a block of members and knows neither threads nor joblib. `train_members` is where each fit enters,
once: it leaves its members to the stacker of its thread, if there is one (a joblib backend, see `skdl.parallel`), or
trains them at once.

- `cost` estimates how long trainings take, and decides what that is worth;
- `plan` groups members, and cuts groups into blocks;
- `shared_data` keeps rows that members have in common, and standardises them, once;
- `threads` and `processes` run what is planned; `relay` is how processes report while they work;
- `predict` is prediction, whose blocks of rows threads may take.
"""

from skdl.execution.executor import train_members

__all__ = ["train_members"]
