#!/usr/bin/env bash
# Train on several GPUs: tools/dist_train.sh CONFIG GPUS [options of train.py]
# Environment: NNODES, NODE_RANK, MASTER_ADDR, PORT, PYTHON.
#
# mmseg's script of this name is not used: it starts mmseg's train.py, which
# does not import mmseg_cube before it reads the config, and it breaks at
# spaces in paths and options. The variables mean the same.
set -euo pipefail
if (($# < 2)); then
    echo "usage: $0 CONFIG GPUS [options of train.py]" >&2
    exit 2
fi
config=$1 gpus=$2
shift 2
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$gpus" \
    "$(dirname "${BASH_SOURCE[0]}")/train.py" "$config" \
    --launcher pytorch "$@"
