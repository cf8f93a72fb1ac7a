"""Everything that goes wrong, and what only looks so, as data that the test bed plays.

Promise: a name here is a folder of evals/recordings; `NAMED[name]` finds it.
"""

from .admission import ADMISSION
from .config import CONFIG
from .containers import CONTAINERS
from .healthy import HEALTHY
from .lifecycle import LIFECYCLE
from .network import NETWORK
from .nodes import NODES
from .scenario import Scenario
from .scheduling import SCHEDULING
from .shop import SHOP

SCENARIOS: tuple[Scenario, ...] = (
    *CONTAINERS, *CONFIG, *SCHEDULING, *NETWORK, *ADMISSION, *LIFECYCLE, *NODES, *HEALTHY, SHOP
)  # fmt: skip
NAMED = {scenario.name: scenario for scenario in SCENARIOS}
