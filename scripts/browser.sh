#!/usr/bin/env bash
# Makes sure that there is a Chromium for the browser tests: an installed one, else Playwright's own
# download, else Debian's package (the shell without a window, where there is one). Says which.
set -euo pipefail
bin=$1
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
as_root=""
if [ "$(id -u)" != 0 ]; then as_root="sudo -n"; fi
if command -v apt-get >/dev/null && $as_root apt-get update -qq; then
  for name in chromium-headless-shell chromium; do
    if $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$name" >/dev/null; then
      echo "   browser tests use $(command -v "$name") from apt-get"
      exit 0
    fi
  done
fi
echo "   no browser could be installed. Install Chromium or Chrome yourself and run this again." >&2
exit 1
