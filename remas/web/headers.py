"""What every answer tells the browser: load nothing from elsewhere, be in nobody's frame."""

from flask import Flask, Response, request

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # the style sheet's own small pictures
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
    ),
}
TRANSPORT = "max-age=31536000"  # one year of https, once seen; subdomains are not ours to bind


def init_app(app: Flask) -> None:
    """Put the headers on all answers of the app; one that sets its own keeps it."""
    app.after_request(add)


def add(response: Response) -> Response:
    """The answer with its headers."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", TRANSPORT)
    if response.mimetype == "text/html" and request.endpoint != "static":
        # A page tells things about people: it is shown again only after asking.
        response.headers.setdefault("Cache-Control", "no-cache, private")
    return response
