"""Where Chromium is and how it is started without a screen, for tests, pictures and measurements alike."""

import shutil

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The shell first: it draws the same pages for two thirds of the processor's time."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def installed() -> str | None:
    """The program of the system, or nothing: then Playwright starts the one that it brought itself."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)
