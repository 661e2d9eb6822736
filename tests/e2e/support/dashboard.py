"""The dashboard as a test drives it: one browser context with its console watched."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.support.fixture_server import CODE, COOKIE, FixtureServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

AXE = Path(__file__).resolve().parents[3] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
_VIOLATIONS = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
    window.__violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""
_SKEW = """
window.__skew = 0;
const real = Date.now.bind(Date);
Date.now = () => real() + window.__skew;
"""


_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _axe_source() -> str:
    return AXE.read_text(encoding="utf-8")


class Dashboard:
    """A page on the fixture; ``errors`` holds what the console complained about."""

    def __init__(
        self,
        browser: Browser,
        server: FixtureServer,
        *,
        width: int = 1440,
        height: int = 900,
        theme: str = "dark",
        signed_in: bool = True,
        zone: str = "Europe/Berlin",
    ) -> None:
        self.server = server
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,  # type: ignore[arg-type]
            timezone_id=zone,
            locale="en-GB",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(10_000)
        self.context.add_init_script(_VIOLATIONS + _SKEW)
        if signed_in:
            self.context.add_cookies([{"name": COOKIE, "value": "fixture", "url": server.url}])
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, message: Any) -> None:
        # A refused or failed request is the API's word, which the page itself shows.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def goto(self, path: str) -> None:
        self.page.goto(self.server.url + path)

    def login(self, code: str = CODE) -> None:
        self.page.get_by_label("One-time code or password").fill(code)
        self.page.get_by_role("button", name="Sign in").click()

    def row(self, pair_id: str) -> Locator:
        return self.page.locator(f'tr[data-pair="{pair_id}"]')

    def cell(self, pair_id: str, column: str) -> Locator:
        """A cell of the edges table by its column's heading."""
        heads = [text.strip() for text in self.page.locator("thead th").all_inner_texts()]
        return self.row(pair_id).locator("td").nth(heads.index(column))

    def axe(self, rules: list[str] | None = None) -> list[str]:
        """Findings of axe, one line each: ``rules``, or all of WCAG 2.2 A and AA."""
        self.page.evaluate(_axe_source())
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _TAGS}
        result = self.page.evaluate("only => axe.run(document, {runOnly: only})", only)
        return [
            f"{item['id']}: {node['target']} {node.get('failureSummary', '')}"
            for item in result["violations"]
            for node in item["nodes"]
        ]

    def violations(self) -> list[str]:
        found = self.page.evaluate("() => window.__violations")
        assert isinstance(found, list)
        return found

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window; 0 means no sideways scroll."""
        wide = self.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return int(wide)

    def close(self) -> None:
        self.context.close()
