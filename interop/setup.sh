#!/usr/bin/env bash
# Installs the providers that are npm packages, as package-lock.json pins them. Needs Node
# 20.11 or later, and npm. The others are Debian packages: README.md names them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
npm ci --no-audit --no-fund --ignore-scripts
