"""The only caller of the core: rows become a problem, its answer becomes words.

`search` proposes outside any lock; `shortages` decides under the locks of a booking;
`alternatives` says where a refused placement would fit; `free_steps` draws what is left.
"""

from remas.services.availability.cluster import Cluster, read_cluster
from remas.services.availability.problem import Row, overlapping
from remas.services.availability.profiles import free_steps
from remas.services.availability.search import Placed, alternatives, search, shortages
from remas.services.availability.words import natural_key

__all__ = [
    "Cluster",
    "Placed",
    "Row",
    "alternatives",
    "free_steps",
    "natural_key",
    "overlapping",
    "read_cluster",
    "search",
    "shortages",
]
