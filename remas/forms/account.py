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


class PasswordForm(Form):
    current_password = PasswordField(
        "Current password",
        [DataRequired("Write the password you have now.")],
        render_kw={"autocomplete": "current-password"},
    )
    new_password = PasswordField(
        "New password",
        [
            DataRequired("Write a new password."),
            Length(MIN_LENGTH, MAX_LENGTH, f"A password has at least {MIN_LENGTH} characters."),
        ],
        description=f"At least {MIN_LENGTH} characters. A few unrelated words are easy to keep.",
        render_kw={"autocomplete": "new-password", "minlength": MIN_LENGTH},
    )
    repeated = PasswordField(
        "New password again",
        [EqualTo("new_password", "This differs from the new password.")],
        render_kw={"autocomplete": "new-password"},
    )


class GrafanaPasswordForm(Form):
    current_password = PasswordField(
        "Your password here",
        [DataRequired("Write the password with which you sign in here.")],
        render_kw={"autocomplete": "current-password"},
    )
    new_password = PasswordField(
        "Password for Grafana",
        [
            DataRequired("Write a password."),
            Length(MIN_LENGTH, MAX_LENGTH, f"A password has at least {MIN_LENGTH} characters."),
        ],
        description=f"At least {MIN_LENGTH} characters, and best another one than here.",
        render_kw={"autocomplete": "new-password", "minlength": MIN_LENGTH},
    )
    repeated = PasswordField(
        "Password for Grafana again",
        [EqualTo("new_password", "This differs from the new password.")],
        render_kw={"autocomplete": "new-password"},
    )


class ForgottenForm(Form):
    name = StringField(
        "Username or e-mail",
        [DataRequired("Write your username or your e-mail address."), Length(max=320)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )


class NewPasswordForm(Form):
    """As `PasswordForm`, for whoever has a link instead of the present password."""

    new_password = PasswordField(
        "New password",
        [
            DataRequired("Write a new password."),
            Length(MIN_LENGTH, MAX_LENGTH, f"A password has at least {MIN_LENGTH} characters."),
        ],
        description=f"At least {MIN_LENGTH} characters. A few unrelated words are easy to keep.",
        render_kw={"autocomplete": "new-password", "minlength": MIN_LENGTH},
    )
    repeated = PasswordField(
        "New password again",
        [EqualTo("new_password", "This differs from the new password.")],
        render_kw={"autocomplete": "new-password"},
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
