"""Exports and imports of the configuration over the web API."""

import json

PASSWORD = {"X-Export-Password": "a file's password"}


async def export(browser, query="", headers=None) -> str:
    answer = await browser.get("/api/export" + query, headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def give(browser, text, apply=False, headers=None):
    """Import a file; (status, answer)."""
    path = "/api/import?apply=1" if apply else "/api/import"
    headers = {"X-CSRF-Token": browser.csrf, **(headers or {})}
    answer = await browser.post(path, headers, body=text)
    return answer.status_code, json.loads(answer.text)


def file_with(**settings) -> str:
    return json.dumps({"format": "mpevse configuration", "version": 1, "settings": settings})
