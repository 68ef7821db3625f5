"""Debian's Chromium, headless, driven by Playwright: what a human sees and presses, on a phone, in the dark, with and without scripts.

One browser for all tests of a process. It runs in a thread with an event loop of its own, so that tests of any kind may use it; each
screen is a visitor of its own, with cookies of its own. A picture of each page that is asked for stays in the folder of the screens.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Literal, TypeVar

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Playwright, Response, async_playwright

from tests.kit.need import environment, need

Result = TypeVar("Result")
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

# Width and height of what people hold in their hands: a usual phone, and the narrowest that counts (WCAG 2.2, 1.4.10).
PHONE, NARROW, DESKTOP = (390, 844), (320, 640), (1280, 900)
_PATIENCE = 30.0


class Chromium:
    """The browser. Skips the calling test where there is none, and fails it under CI=true."""

    def __init__(self, folder: Path) -> None:
        program = need("chromium")
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chromium", daemon=True)
        self._thread.start()
        self._playwright, self.browser = self.run(_launched(program))

    def run(self, work: Coroutine[Any, Any, Result], patience: float = _PATIENCE) -> Result:
        """What the work gives that is done in the browser's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(patience)

    def screen(
        self, base: str = "", *, size: tuple[int, int] = PHONE, scheme: Scheme = "light", scripts: bool = True, language: str = "en-GB"
    ) -> Screen:  # fmt: skip
        """A new visitor, for whom paths begin at `base`."""
        return self.run(self._screen({
            "base_url": base or None, "viewport": {"width": size[0], "height": size[1]}, "color_scheme": scheme,
            "java_script_enabled": scripts, "locale": language, "device_scale_factor": 1, "reduced_motion": "reduce",
        }))  # fmt: skip

    async def _screen(self, wishes: dict[str, Any]) -> Screen:
        context = await self.browser.new_context(**wishes)
        return Screen(self, await context.new_page(), self._folder)

    def close(self) -> None:
        """Ends the browser."""
        self.run(self.browser.close())
        self.run(self._playwright.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()


class Screen:
    """What a visitor has before him. Made in the thread of the browser, used in that of the test."""

    def __init__(self, chromium: Chromium, page: Page, folder: Path) -> None:
        self._chromium, self.page, self._folder = chromium, page, folder
        page.set_default_timeout(_PATIENCE * 500)
        # Everything that the browser complained about, such as a stylesheet that the policy kept out.
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What the work gives that is done with this page."""
        return self._chromium.run(work)

    def opens(self, path: str) -> int:
        """The status of the page that this address leads to; it is shown then."""
        response = self.run(self.page.goto(path))
        return _status(response)

    def becomes(self, *, size: tuple[int, int] | None = None, scheme: Scheme | None = None) -> None:
        """From now on it is of that size, or of that colour."""
        if size is not None:
            self.run(self.page.set_viewport_size({"width": size[0], "height": size[1]}))
        if scheme is not None:
            self.run(self.page.emulate_media(color_scheme=scheme))

    def presses(self, name: str) -> None:
        """Presses the button of that name, and waits for the page that follows."""
        self.run(self._press(name))

    async def _press(self, name: str) -> None:
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name=name, exact=True).click()

    def chooses(self, name: str) -> None:
        """Ticks what is called so."""
        self.run(self.page.get_by_label(name, exact=True).check())

    def writes(self, label: str, text: str) -> None:
        """Writes into the box of that label."""
        self.run(self.page.get_by_label(label).fill(text))

    def downloads(self, name: str) -> tuple[str, bytes]:
        """The name and the octets of the file behind the link of that name."""
        return self.run(self._download(name))

    async def _download(self, name: str) -> tuple[str, bytes]:
        async with self.page.expect_download() as coming:
            await self.page.get_by_role("link", name=name).click()
        download = await coming.value
        return download.suggested_filename, (await download.path()).read_bytes()

    @property
    def text(self) -> str:
        """What can be read."""
        return self.run(self.page.inner_text("body"))

    @property
    def language(self) -> str:
        """The language that the page says it is in."""
        return self.run(self.page.get_attribute("html", "lang")) or ""

    @property
    def too_wide(self) -> int:
        """By how many pixels the page is wider than the screen."""
        return int(self.run(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")))

    @property
    def small_targets(self) -> list[str]:
        """What can be pressed and is less than 44 pixels high; links in running text are as high as the text."""
        return list(self.run(self.page.evaluate(_SMALL)))

    def violations(self) -> str:
        """What axe-core finds wrong with the page, one line each; all of WCAG 2.2 A and AA, and its best practices."""
        found = self.run(Axe().run(self.page))
        return str(found.generate_report()) if found.violations_count else ""

    def shot(self, name: str) -> Path:
        """A picture of the whole page."""
        path = self._folder / f"{name}.png"
        self.run(self.page.screenshot(path=path, full_page=True))
        return path

    def close(self) -> None:
        """The visitor goes, and his cookies with him."""
        self.run(self.page.context.close())


_SMALL = """
[...document.querySelectorAll('button, input:not([type=hidden]), textarea, summary, a.button, .files a, .mark span')]
  .filter(one => one.getBoundingClientRect().height < 44)
  .map(one => one.tagName + ' ' + one.textContent.trim())
"""


def _status(response: Response | None) -> int:
    assert response is not None
    return response.status


async def _launched(program: Path) -> tuple[Playwright, Browser]:
    playwright = await async_playwright().start()
    arguments = ["--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"]
    # Chromium's own walls need a user who is not root.
    arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = await playwright.chromium.launch(executable_path=program, args=arguments, env={**environment(program)}, headless=True)
    return playwright, browser
