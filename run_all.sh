#!/usr/bin/env bash
# Makes the whole book: every figure and table. `./run_all.sh --help` says what can be chosen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source lib/book/setup.sh

for argument in "$@"; do
    case $argument in
        # These only tell something: never install for them.
        -h | --help | --list | --check)
            choose_python || true
            exec "$PYTHON" -m lib.book.run "$@"
            ;;
    esac
done
ensure_environment
exec "$PYTHON" -m lib.book.run "$@"
