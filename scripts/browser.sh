#!/usr/bin/env bash
# Makes sure that Playwright starts and that there is a Chromium for the browser tests: an installed one, else Playwright's own
# download, else Debian's package (the shell without a window, where there is one). Says which.
set -euo pipefail
bin=$1
as_root=""
if [ "$(id -u)" != 0 ]; then as_root="sudo -n"; fi
from_debian() {
  command -v apt-get >/dev/null && $as_root apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

if ! "$bin/playwright" --version >/tmp/prefloop-playwright.log 2>&1; then
  echo "== Playwright does not start ($(tail -n 1 /tmp/prefloop-playwright.log | cut -c1-200)); trying apt-get"
  # Its Node leans on libatomic, which a minimal Debian lacks; Chromium's packages do not bring it.
  if ! from_debian libatomic1 || ! "$bin/playwright" --version >/tmp/prefloop-playwright.log 2>&1; then
    echo "   it still does not. Install what it misses (Debian: libatomic1) and run this again." >&2
    exit 1
  fi
fi
for name in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
  if path=$(command -v "$name"); then
    echo "== browser tests use the installed $path"
    exit 0
  fi
done
echo "== no Chromium is installed; trying Playwright's own download"
if timeout 300 "$bin/playwright" install chromium-headless-shell >/tmp/prefloop-playwright.log 2>&1; then
  echo "   browser tests use Playwright's Chromium"
  exit 0
fi
echo "   that did not work ($(tail -n 1 /tmp/prefloop-playwright.log | cut -c1-120)); trying apt-get"
for name in chromium-headless-shell chromium; do
  if from_debian "$name"; then
    echo "   browser tests use $(command -v "$name") from apt-get"
    exit 0
  fi
done
echo "   no browser could be installed. Install Chromium or Chrome yourself and run this again." >&2
exit 1
