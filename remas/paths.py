"""Where the data folders are: top level of a checkout, or ``remas/_data`` of an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CARRIED = _PACKAGE / "_data"  # made by the wheel from the folders of the top level (setup.cfg)
_ROOT = _CARRIED if _CARRIED.is_dir() else _PACKAGE.parent

TEMPLATES = _ROOT / "templates"
STATIC = _ROOT / "static"
MIGRATIONS = _ROOT / "migrations"
PROMETHEUS = _ROOT / "prometheus"
GRAFANA_TEMPLATES = _ROOT / "grafana_templates"
