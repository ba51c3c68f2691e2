#!/usr/bin/env bash
# Make a virtual environment:
#   requirements/install.sh onedl|openmmlab|latest FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stack=$1 venv=$2
again="Once the cause is mended: rm -rf $venv && make setup STACK=$stack"
trap '[ $? -eq 0 ] || echo "Set-up failed, see above. $again" >&2' EXIT
# These would send packages elsewhere than into the environment.
unset PIP_USER PIP_TARGET PIP_PREFIX PYTHONPATH

if [ ! -e "$venv" ]; then
    last=13 need='3.10 to 3.13'
    [ "$stack" != openmmlab ] || last=10 need=3.10
    fits="import ensurepip, sys, venv
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, $last))"
    tried=(python3 python3.{10..13} ~/.pyenv/versions/3.*/bin/python3)
    [ -z "${PYTHON:-}" ] || tried=("$PYTHON")
    # Each is run: on the PATH may be a shim of a version that is not there.
    for python in "${tried[@]}"; do
        "$python" -c "$fits" 2>/dev/null && break || python=
    done
    if [ -z "$python" ]; then
        echo "Python $need with its module venv is needed, and none of" \
            "these is one: ${tried[*]}." \
            'Install one, or name it: make setup PYTHON=/path/to/python3' >&2
        exit 2
    fi
    "$python" -m venv "$venv"
fi

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
pinned() { sed -n "s/^$1==//p" "requirements/$2.txt"; }

lists=requirements/$stack
if [ "$stack" = latest ]; then
    # The names of onedl, without what they bring along and without versions.
    lists=$venv/latest
    for kind in '' -mim; do
        sed '/^# What the above/,$d; s/==.*//' "requirements/onedl$kind.txt" \
            > "$lists$kind.txt"
    done
fi

pip install --upgrade -r "$lists.txt"
pip install --no-deps -r "$lists-mim.txt"
if [ "$stack" = openmmlab ]; then
    # Compiled once for all environments. No operator is used: FORCE_CUDA=0
    # spares a compiler for CUDA.
    platform='import sysconfig; print(sysconfig.get_platform())'
    key=mmcv-$(pinned mmcv openmmlab-mmcv)-torch-$(pinned torch openmmlab)
    key=$key-python-3.10-$("$venv/bin/python" -c "$platform")
    wheels=${XDG_CACHE_HOME:-$HOME/.cache}/mmseg_cube/wheels/$key
    if [ ! -d "$wheels" ]; then
        MMCV_WITH_OPS=1 FORCE_CUDA=0 CUDA_VISIBLE_DEVICES='' pip wheel \
            --no-deps --no-binary mmcv --no-build-isolation \
            -w "$wheels.part" -r requirements/openmmlab-mmcv.txt
        mv "$wheels.part" "$wheels"
    fi
    pip install --no-deps "$wheels"/*.whl
fi
pip install --no-deps --no-build-isolation -e .
"$venv/bin/python" -c 'import mmseg_cube, mmseg.models, rasterio'
if [ "$stack" = latest ]; then
    echo '== Not as tested (requirements/onedl.txt):'
    pip freeze --exclude-editable | grep -ivxF \
        -f requirements/onedl.txt -f requirements/onedl-mim.txt || true
fi
