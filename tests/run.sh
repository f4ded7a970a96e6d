#!/usr/bin/env bash
# Every check of the book: style, types, tests, and each chapter at profile smoke.
# All stages run; the exit code is that of the first one that failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source lib/book/setup.sh
ensure_environment

result=0
stage() {
    echo "== $*"
    "$PYTHON" -m "$@"
    local code=$?
    if ((result == 0)); then result=$code; fi
}

stage ruff check .
stage ruff format --check .
stage mypy lib
stage pytest "$@"
exit "$result"
