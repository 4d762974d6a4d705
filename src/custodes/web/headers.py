# SPDX-License-Identifier: AGPL-3.0-or-later
"""The headers of every answer: nothing from elsewhere, nothing framed, nothing private kept."""

from starlette.datastructures import MutableHeaders

# media-src blob: is how Media Source Extensions hand over; nothing else may come from anywhere but this server.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}
_PRIVATE = ("/operator", "/steward", "/enter", "/leave", "/api", "/tour", "/metrics")


def protect(headers: MutableHeaders, path: str) -> None:
    """Set the security headers of an answer to ``path``; what is private must not be stored anywhere."""
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if path.startswith(_PRIVATE):
        headers["Cache-Control"] = "no-store"
    else:
        headers.setdefault("Cache-Control", "no-cache")
