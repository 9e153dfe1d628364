"""How a Grafana is set up: what is asked only when somebody wants to know whether all is well."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from remas.clients.grafana import ORGANISATION, Grafana

ADMIN = "Admin"


class GrafanaSetUp(Grafana):
    """One Grafana, asked about itself; nothing is written. Every method raises `GrafanaError`."""

    def is_server_admin(self) -> bool:
        """Whether the account, the one with the password, administers the whole server."""
        return bool(self._json("GET", "/user", account=True).get("isGrafanaAdmin"))

    def is_organisation_admin(self) -> bool:
        """Whether the account administers the organisation in which everything is made."""
        found = self._call("GET", "/user/orgs", account=True)
        roles = {str(one["orgId"]): one["role"] for one in found}
        return roles.get(ORGANISATION) == ADMIN

    def server_settings(self) -> Mapping[str, Mapping[str, Any]]:
        """The settings of the server, by section and key; all are text, secrets are hidden."""
        return self._json("GET", "/admin/settings", account=True)

    def data_source(self, uid: str) -> Mapping[str, Any] | None:
        """A data source; None: there is none."""
        return self._found(f"/datasources/uid/{quote(uid, safe='')}")

    def check_data_source(self, uid: str) -> None:
        """Have Grafana ask what is behind the data source; raises where that does not answer."""
        self._json("GET", f"/datasources/uid/{quote(uid, safe='')}/health")
