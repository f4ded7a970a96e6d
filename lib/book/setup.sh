# Sourced by run_all.sh and tests/run.sh from the top folder: finds or makes the Python they use.
# Everything it writes stays inside the folder: the environment in .venv, caches in .cache.

export XDG_CACHE_HOME="$PWD/.cache" MPLCONFIGDIR="$PWD/.cache/matplotlib"
export IPYTHONDIR="$PWD/.cache/ipython" JOBLIB_TEMP_FOLDER="$PWD/.cache/joblib"
export JUPYTER_CONFIG_DIR="$PWD/.cache/jupyter/config" JUPYTER_DATA_DIR="$PWD/.cache/jupyter/data"
export JUPYTER_RUNTIME_DIR="$PWD/.cache/jupyter/runtime" NUMBA_CACHE_DIR="$PWD/.cache/numba"
# `import lib` is this folder's, whatever else is called so or was installed from another folder.
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

STAMP=.venv/installed  # holds the hash of the package lists, written only when all is installed
COMPILED=$NUMBA_CACHE_DIR/functions-are-compiled

# Sets BARE_PYTHON to a Python that is new enough; ends with exit 2 if there is none.
find_bare_python() {
    local name
    for name in python3 python python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            BARE_PYTHON=$name
            return
        fi
    done
    echo "No Python 3.11 or newer found; install one (python.org, conda, pyenv) and call again." >&2
    exit 2
}

venv_is_complete() {
    [[ -x .venv/bin/python && -f $STAMP ]] &&
        [[ $(<"$STAMP") == "$("$BARE_PYTHON" -m lib.book.check --fingerprint)" ]]
}

# Sets PYTHON to the best Python there is without installing: the active environment if it
# satisfies requirements.txt, else .venv if complete, else a bare one. False if it is bare.
choose_python() {
    find_bare_python
    PYTHON=$BARE_PYTHON
    "$PYTHON" -m lib.book.check 2>/dev/null && return
    venv_is_complete && PYTHON=$PWD/.venv/bin/python
}

# Makes or completes .venv. What was installed before an interruption is kept and not fetched again.
install_into_venv() {
    echo "Installing the packages into .venv: minutes and 2 to 6 GB, once. Interrupted, call again."
    if [[ ! -x .venv/bin/pip ]] && ! "$BARE_PYTHON" -m venv .venv; then
        echo "$BARE_PYTHON cannot make a virtual environment; install its venv module" \
            "(Debian, Ubuntu: apt install python3-venv) and call again." >&2
        exit 2
    fi
    mkdir -p .cache/tmp
    if ! TMPDIR=$PWD/.cache/tmp PIP_CACHE_DIR=$PWD/.cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 \
        .venv/bin/pip install -r requirements.txt -c requirements.lock; then
        echo "The installation stopped; call again and it goes on from here." >&2
        exit 1
    fi
    rm -rf .cache/pip .cache/tmp "$COMPILED"
    # JupyterLab starts kernels in notebooks/, where `import lib` needs to be told the way.
    local packages
    for packages in .venv/lib/python3*/site-packages; do echo "$PWD" >"$packages/book.pth"; done
    .venv/bin/python -m lib.book.check --fingerprint >"$STAMP"
}

# librosa compiles its functions when first imported, the renderer of faces when it first draws. Several
# processes that do so at once spoil numba's cache, and from then on what they left there crashes: so it
# is done once, by one alone.
compile_functions() {
    [[ -e $COMPILED ]] && return
    echo "Compiling what librosa and the renderer of faces need: under a minute, once."
    # librosa.beat imports all that compiles when imported
    "$PYTHON" -c "import librosa.beat, lib.faces.figures.explore as faces; faces.everybody([0], 32, 0)" || exit 1
    mkdir -p "$NUMBA_CACHE_DIR"
    touch "$COMPILED"
}

# Holds .cache/setup.lock, as file 9, until it is closed: two set-ups at once would spoil each other.
wait_for_other_setups() {
    if ! { mkdir -p "$JOBLIB_TEMP_FOLDER" && exec 9>.cache/setup.lock; } 2>/dev/null; then
        echo "The book cannot write into $PWD; make the folder writable, or copy it." >&2
        exit 2
    fi
    "$BARE_PYTHON" -c "import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)" 2>/dev/null && return
    echo "Another set-up is at work in this folder; waiting until it ends." >&2
    "$BARE_PYTHON" -c "import fcntl; fcntl.flock(9, fcntl.LOCK_EX)"
}

# Sets PYTHON to one that satisfies requirements.txt, installing and compiling if needed.
ensure_environment() {
    find_bare_python
    wait_for_other_setups
    if ! choose_python; then
        install_into_venv
        PYTHON=$PWD/.venv/bin/python
    fi
    compile_functions
    exec 9>&-
}
