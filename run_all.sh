#!/usr/bin/env bash
# Makes the whole book: every figure and table. `./run_all.sh --help` says what can be chosen.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
source lib/book/setup.sh

for argument in "$@"; do
    case $argument in
        # These only tell something: never install for them, nor write anything.
        -h | --help | --list | --check)
            export PYTHONDONTWRITEBYTECODE=1
            choose_python || true
            exec "$PYTHON" -m lib.book.run "$@"
            ;;
    esac
done
ensure_environment
exec "$PYTHON" -m lib.book.run "$@"
