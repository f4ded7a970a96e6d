#!/usr/bin/env bash
# Every check of the book: style, types, tests, and each chapter at profile smoke.
# All stages run; the exit code is that of the first one that failed. The tests of a file stay in one
# process, files are spread over as many as there are cores, up to four; `-n 0` is none but this one.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
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
# Threads of one process would wait for those of another.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
stage pytest -n auto --maxprocesses 4 --dist loadfile "$@"
exit "$result"
