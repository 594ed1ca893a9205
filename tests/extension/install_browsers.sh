#!/bin/sh
# Installs Node, Chromium and Firefox for the extension's tests where that is allowed (Debian, as root); says what is skipped.
missing() { ! command -v "$1" >/dev/null 2>&1; }
wanted=""
missing node && missing nodejs && wanted="$wanted nodejs"
missing chromium && missing chromium-browser && wanted="$wanted chromium"
missing firefox-esr && missing firefox && wanted="$wanted firefox-esr"
[ -z "$wanted" ] && exit 0
if [ "$(id -u)" = 0 ] && ! missing apt-get; then
  # shellcheck disable=SC2086 - names of packages, one or two
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted; } >/dev/null 2>&1 && exit 0
fi
[ "${CI:-}" = true ] && { echo "The extension's tests need$wanted, which CI must have." >&2; exit 1; }
echo "=====================================================================" >&2
echo "SKIPPED: the browser extension is not tested; install$wanted to do so." >&2
echo "=====================================================================" >&2
