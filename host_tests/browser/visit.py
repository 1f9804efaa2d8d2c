"""Who visits the pages, with what, and how they get to a section."""

LOGINS = {
    "manufacturer": {"user": "WLQ01", "password": "40000003"},
    "operator": {"user": "etec", "password": "88888888"},
    "user": {"user": "user", "password": "88888888"},
}
HEIGHTS = {
    360: 740,
    768: 1024,
    1280: 900,
}  # of the screens, by their width: phone, tablet, desktop


def visit(page, section: str) -> None:
    """Open a section and wait until it shows something."""
    page.goto(f"/#{section}")
    page.locator(f'nav a[href="#{section}"][aria-current]').wait_for()
    page.locator("main .card").first.wait_for()
