"""XState v5 JSON in and out: a machine's definition without its functions, which are named by id.

What JSON cannot say is told in a vocabulary of types: the actions `raise`, `send`, `cancel` and the guards `and`, `or`,
`not`, `in` (XState takes them as implementations by these names), and in keys that XState lets pass: `facts` of a
transition, `label` of an invocation, `outputFunction` of a state.
Limits: types of data are not told; those of events are, where `read` is given the classes.
"""

from .read import read
from .write import write

__all__ = ["read", "write"]
