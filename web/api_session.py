"""GET /api/session: who is logged in, and what its browser shows."""

from web.auth import password_is_factory

# One text: nine would stay in memory as names when this module is given up.
_PAGES = (
    "STATE NETWORK INSTALLATION SYSTEM BACKEND WHITELIST MANUFACTURER LOADMANAGEMENT AUTHORIZATION"
)


def is_page(name: str) -> bool:
    """Tell whether a page has this name."""
    return name in _PAGES.split(" ")


async def get(request, services) -> dict:
    """The session's role and token, whether it must set a password first, and the pages."""
    session = request.g.session
    stored = services.settings.stored  # get() would search the table for a value that is not kept
    return {
        "role": session.role,
        "csrf": session.csrf,
        "password_is_factory": password_is_factory(services.settings, session.role),
        "restricted": request.app.is_restricted(session),
        "pages": _PAGES.split(" "),
        "setup_done": stored.get("setup_done", False),
        "learning": getattr(services.authorizer, "learning", ""),
    }
