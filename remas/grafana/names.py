"""How what is ours is called in Grafana. Made of numbers: usernames change, and are too long."""

ALERTS_FOLDER, ALERTS_TITLE = "remas-alerts", "REMAS alerts"
FOLDER_PREFIX = "remas-u-"
CONTACT_PREFIX = "remas-cp-"
RULE_PREFIX = "remas-r-"
START_PREFIX, START_TAG = "remas-d-", "remas-start"
GROUP_PREFIX = "user-"
UNROUTED, UNROUTED_NAME = "remas-unrouted", "remas unrouted"
DATA_SOURCE = "remas-prometheus"
CLUSTER_DASHBOARD, PERSON_DASHBOARD = "remas-cluster", "remas-person"

OUR_LABELS = "remas_"
OURS, PERSON = "remas_managed", "remas_user_id"
"""The labels by which our rules are known, and whose they are."""


def folder(user_id: int) -> str:
    """The uid of a person's private folder."""
    return f"{FOLDER_PREFIX}{user_id}"


def start(user_id: int) -> str:
    """The uid of the dashboard with which a person's private folder begins."""
    return f"{START_PREFIX}{user_id}"


def contact_uid(user_id: int) -> str:
    """The uid of a person's contact point."""
    return f"{CONTACT_PREFIX}{user_id}"


def contact_name(user_id: int) -> str:
    """The name by which rules and policies refer to it."""
    return f"remas user {user_id}"


def group(user_id: int) -> str:
    """The group that holds all rules about a person."""
    return f"{GROUP_PREFIX}{user_id}"


def rule(notification_id: int, user_id: int, node_id: int) -> str:
    """The uid of the rule for one notification, person and node."""
    return f"{RULE_PREFIX}{notification_id}-{user_id}-{node_id}"


def owner_of(uid: str, prefix: str) -> int | None:
    """Whose it is, by its uid; None: it is none of ours."""
    number = uid.removeprefix(prefix)
    return int(number) if uid.startswith(prefix) and number.isdecimal() else None
