"""What tests with the real Prometheus share."""

from collections.abc import Iterator

import pytest

from tests.support.watched_cluster import Cluster, watched_cluster


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The demo cluster with all that watches it; started once."""
    with watched_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running
