#!/usr/bin/env bash
# Test on several GPUs:
# tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of test.py]
# Environment: NNODES, NODE_RANK, MASTER_ADDR, PORT, PYTHON.
#
# mmseg's script of this name is not used, for the reasons in dist_train.sh.
set -euo pipefail
if (($# < 3)); then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [options of test.py]" >&2
    exit 2
fi
config=$1 checkpoint=$2 gpus=$3
shift 3
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$gpus" \
    "$(dirname "${BASH_SOURCE[0]}")/test.py" "$config" "$checkpoint" \
    --launcher pytorch "$@"
