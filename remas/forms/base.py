"""The form that all others are: fields know the person's zone, texts are tied to their fields."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import Field


class Form(FlaskForm):
    """`zone`: the one in which local times are written and read.

    The hint or the errors of a field get an id, and the field names that as what describes it, so
    that what Bootstrap-Flask's `render_field` makes can be heard as well as seen.
    """

    class Meta(FlaskForm.Meta):
        zone = ZoneInfo("UTC")

        def render_field(self, field: Field, render_kw: dict[str, Any]) -> Any:
            if field.errors:
                render_kw.setdefault("aria-invalid", "true")
                if not isinstance(field.errors[0], Markup):  # drawn for the first time
                    field.errors = [_note(field, " ".join(field.errors))]
            if field.errors or field.description:
                render_kw.setdefault("aria-describedby", f"{field.id}-note")
            return super().render_field(field, render_kw)

    def __init__(self, *args: Any, zone: ZoneInfo | None = None, **kwargs: Any) -> None:
        if zone is not None:
            kwargs["meta"] = {"zone": zone, **kwargs.get("meta", {})}
        super().__init__(*args, **kwargs)
        for field in self:
            if field.description:
                field.description = _note(field, field.description)

    def refuse(self, errors: Mapping[str, Sequence[str]], paths: Mapping[str, str]) -> list[str]:
        """Show a service's refusal at the fields: `paths` maps its paths to names of fields.

        Returns the texts for which there is no field.
        """
        left: list[str] = []
        for path, texts in errors.items():
            name = paths.get(path, path)
            if name in self and getattr(self[name].widget, "input_type", "") != "hidden":
                self[name].errors = [*self[name].errors, *texts]
            else:
                left.extend(texts)
        return left


def _note(field: Field, text: str) -> Markup:
    """The text with an id."""
    return Markup('<span id="{}-note">{}</span>').format(field.id, text)
