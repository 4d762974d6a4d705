# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures of a running demonstration's pages, by headless Chromium: docs/images (README) or --all into a folder.

Needs a Chromium or Chrome of the system; playwright's own download is not used.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
WIDTHS = {1440: 900, 390: 844}
README = {"wall": "/operator/"}
README_HEIGHT = 660
"""What the wall of three cameras fills."""
SETTLE_S = 4.0


def main() -> int:
    """Start a demonstration, wait for masked pictures, photograph its pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page at 1440 and 390 pixels")
    parser.add_argument("--after", type=float, default=75, metavar="S", help="seconds to wait for something to see")
    arguments = parser.parse_args()
    chromium = next((path for name in ("chromium", "google-chrome", "chrome") if (path := shutil.which(name))), None)
    if chromium is None:
        print("screenshots need Chromium (Debian: apt install chromium)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "custodes", "demo", "--dir", f"{folder}/demo", "--port", "0"]
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            links = _links(demo)
            time.sleep(arguments.after)
            with sync_playwright() as playwright:
                flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
                browser = playwright.chromium.launch(executable_path=chromium, args=flags)
                _photograph(browser, links, arguments.all)
                browser.close()
        finally:
            demo.terminate()
            demo.wait()
    return 0


def _links(demo: subprocess.Popen[str]) -> dict[str, str]:
    """The addresses that the demonstration prints; what it prints later is read and dropped."""
    links: dict[str, str] = {}
    output = demo.stdout or io.StringIO()
    for line in output:
        words = line.split()
        if words and words[-1].startswith("http://"):
            links[words[0]] = words[-1]
        if "steward" in links:
            break
    threading.Thread(target=output.read, daemon=True).start()
    return links


def _photograph(browser: Browser, links: dict[str, str], everything: Path | None) -> None:
    base = links["operator"].split("/enter/")[0]
    context = browser.new_context(viewport={"width": 1440, "height": README_HEIGHT})
    page = context.new_page()
    page.goto(links["operator"])
    if everything is None:
        folder = ROOT / "docs" / "images"
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in README.items():
            _take(page, f"{base}{path}", folder / f"{name}.png")
        return
    everything.mkdir(parents=True, exist_ok=True)
    camera = page.locator("a[href^='/operator/cameras/']").first.get_attribute("href")
    paths = ["/", "/register/", f"/register/{str(camera).rsplit('/', 1)[-1]}", "/log/", "/disclosures/", "/tour"]
    paths += ["/about/refuses", "/operator/", str(camera), "/operator/health"]
    paths += ["/operator/requests/", "/operator/requests/new"]
    for path in paths:
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            name = path.strip("/").replace("/", "-") or "home"
            _take(page, f"{base}{path}", everything / f"{name}-{width}.png")


def _take(page: Page, address: str, file: Path) -> None:
    page.goto(address)
    page.wait_for_timeout(SETTLE_S * 1000)
    page.screenshot(path=file)
    print(file)


if __name__ == "__main__":
    sys.exit(main())
