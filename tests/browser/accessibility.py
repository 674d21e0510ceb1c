"""What axe-core says about a part of a page."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}
# JupyterLab's body has no height. axe-core takes what lies in such a body for hidden, and hidden text passes every check of its colors.
GIVE_BODY_A_HEIGHT = "() => { document.body.style.minHeight = '100vh'; }"


def serious_faults(page: "Page", selector: str) -> list[str]:
    """A line for each element that axe-core finds at serious or critical fault. AssertionError when it has looked at no color there."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.evaluate(GIVE_BODY_A_HEIGHT)
    response = axe.run(page, context=selector, options={}).response
    assert _looked_at(response), f"axe-core took everything in {selector} for hidden"
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:200]}: {node.get('failureSummary', '')}"
        for violation in response["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def _looked_at(response: dict[str, Any]) -> list[str]:
    """The elements whose colors were compared."""
    return [
        node["html"]
        for rule in response["passes"] + response["violations"]
        if rule["id"] == "color-contrast"
        for node in rule["nodes"]
        if not any((check["data"] or {}).get("messageKey") == "hidden" for check in node["any"])
    ]
