#!/usr/bin/env bash
# Installs the original, as package-lock.json pins it. Needs Node 20.11 or later, and npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/node"
npm ci --no-audit --no-fund --ignore-scripts
