"""Forms about oneself: sign in, change the password, the profile."""

from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length

from remas.forms.base import Form
from remas.services.fields import LONGEST_NAME
from remas.services.passwords import MAX_LENGTH, MIN_LENGTH
from remas.services.users import ProfileChange


class SignInForm(Form):
    username = StringField(
        "Username",
        [DataRequired("Write your username.")],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        [DataRequired("Write your password."), Length(max=MAX_LENGTH)],
        render_kw={"autocomplete": "current-password"},
    )
    next = HiddenField()


def _present(label: str, missing: str) -> PasswordField:
    kept = {"autocomplete": "current-password"}
    return PasswordField(label, [DataRequired(missing)], render_kw=kept)


def _chosen(label: str, missing: str, hint: str) -> PasswordField:
    too_short = f"A password has at least {MIN_LENGTH} characters."
    return PasswordField(
        label,
        [DataRequired(missing), Length(MIN_LENGTH, MAX_LENGTH, too_short)],
        description=f"At least {MIN_LENGTH} characters{hint}",
        render_kw={"autocomplete": "new-password", "minlength": MIN_LENGTH},
    )


def _repeated(label: str) -> PasswordField:
    same = EqualTo("new_password", "This differs from the new password.")
    return PasswordField(label, [same], render_kw={"autocomplete": "new-password"})


class NewPasswordForm(Form):
    """For whoever has a link instead of the present password."""

    new_password = _chosen(
        "New password",
        "Write a new password.",
        ". A few unrelated words are easy to keep.",
    )
    repeated = _repeated("New password again")


class PasswordForm(NewPasswordForm):
    current_password = _present("Current password", "Write the password you have now.")


class GrafanaPasswordForm(Form):
    current_password = _present(
        "Your password here", "Write the password with which you sign in here."
    )
    new_password = _chosen(
        "Password for Grafana", "Write a password.", ", and best another one than here."
    )
    repeated = _repeated("Password for Grafana again")


class ForgottenForm(Form):
    name = StringField(
        "Username or e-mail",
        [DataRequired("Write your username or your e-mail address."), Length(max=320)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )


class ProfileForm(Form):
    name = StringField("Name", [Length(max=LONGEST_NAME)], render_kw={"autocomplete": "given-name"})
    surname = StringField(
        "Surname", [Length(max=LONGEST_NAME)], render_kw={"autocomplete": "family-name"}
    )
    email = EmailField(
        "E-mail",
        [DataRequired("Write your e-mail address."), Length(max=320)],
        description="Others see it where you hold what they need.",
        render_kw={"autocomplete": "email"},
    )
    time_zone = StringField(
        "Time zone",
        [Length(max=100)],
        render_kw={"list": "time-zones", "autocomplete": "off", "spellcheck": "false"},
    )

    def change(self) -> ProfileChange:
        """What is asked; "" takes a value away."""
        return ProfileChange(
            name=self.name.data or "",
            surname=self.surname.data or "",
            email=self.email.data,
            time_zone=(self.time_zone.data or "").strip(),
        )
