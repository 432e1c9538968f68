"""How does a test hold a real browser? Debian's Chromium through its own driver."""

from __future__ import annotations

import base64
import json
import os
import shutil
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from pathlib import Path

Theme = Literal["light", "dark"]
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--no-first-run",
)  # fmt: skip
SCRIPT_S_MAX: Final = 90.0
AXE: Final = files("axe_core_python").joinpath("axe.min.js")
FINDINGS: Final = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(found => done(found.violations.map(
  one => [one.id, one.impact, one.nodes.map(node => node.html.slice(0, 200))])));
"""
OVERFLOW: Final = """
const done = arguments[arguments.length - 1], one = document.documentElement;
const measure = () => done(one.scrollWidth - one.clientWidth);
requestAnimationFrame(() => requestAnimationFrame(measure));
"""


def open_browser(folder: Path) -> Chrome:
    """Start Chromium; where there is none the test is skipped, in CI it fails."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = f"none of {BROWSERS}" if browser is None else "no chromedriver"
        assert os.environ.get("CI") != "true", f"{missing} is installed"
        pytest.skip(f"{missing} is installed")
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    chrome.set_script_timeout(SCRIPT_S_MAX)
    return chrome


class Viewer:
    """A browser that looks at one site. Whatever it complains of is kept until it is asked for."""

    def __init__(self, chrome: Chrome, site: str) -> None:
        self.chrome = chrome
        self.site = site
        self._axe = AXE.read_text(encoding="utf-8")

    def visit(self, path: str) -> None:
        """Open a page."""
        self.chrome.get(f"{self.site}{path}")

    def run(self, script: str, *arguments: object) -> Any:
        """Evaluate a script; the page's own policy does not bind the driver."""
        return self.chrome.execute_script(script, *arguments)

    def wear(self, width: int, height: int, theme: Theme) -> None:
        """Take a size and a theme."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        wanted = [{"name": "prefers-color-scheme", "value": theme}]
        self._command("Emulation.setEmulatedMedia", features=wanted)

    def scripting(self, *, allowed: bool) -> None:
        """Allow scripts, or not, from the next page on."""
        self._command("Emulation.setScriptExecutionDisabled", value=not allowed)

    def offline(self, *, cut: bool) -> None:
        """Cut the line to the site, or mend it."""
        self._command("Network.enable")
        self._command(
            "Network.emulateNetworkConditions",
            offline=cut, latency=0, downloadThroughput=-1, uploadThroughput=-1,
        )  # fmt: skip

    def findings(self) -> list[tuple[str, str, list[str]]]:
        """List what axe-core holds to be serious or worse."""
        self.run(self._axe)
        found = self.chrome.execute_async_script(FINDINGS)
        return [tuple(one) for one in found if one[1] in ("serious", "critical")]

    def overflow(self) -> float:
        """Tell by how many pixels the page is wider than its window."""
        return float(self.chrome.execute_async_script(OVERFLOW))

    def complaints(self) -> list[str]:
        """List what the console said since it was asked last."""
        log = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        return [one["message"] for one in log if one["level"] in ("WARNING", "SEVERE")]

    def requests(self) -> list[str]:
        """List the addresses asked for since they were asked for last."""
        log = self.chrome.get_log("performance")  # type: ignore[no-untyped-call]
        told = (json.loads(one["message"])["message"] for one in log)
        sent = (one for one in told if one["method"] == "Network.requestWillBeSent")
        return [one["params"]["request"]["url"] for one in sent]

    def layouts(self) -> float:
        """Count how often the page was laid out so far."""
        self._command("Performance.enable")
        found = self._command("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in found if one["name"] == "LayoutCount"))

    def picture(self, path: Path) -> None:
        """Keep what is seen."""
        taken = self._command("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(taken["data"]))

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.chrome).send_keys(key).perform()

    def _command(self, name: str, **parameters: object) -> dict[str, Any]:
        found: dict[str, Any] = self.chrome.execute_cdp_cmd(name, parameters)
        return found
