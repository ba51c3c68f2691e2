#!/usr/bin/env bash
# Train on a Slurm cluster:
# tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of train.py]
# Environment: GPUS (4), GPUS_PER_NODE (4), CPUS_PER_TASK (5), PYTHON, and
# SRUN_ARGS, more options of srun, split at spaces; the last of two wins.
#
# mmseg's script of this name is not used: it starts the train.py below the
# folder it is called from, which need not be ours, and it breaks at spaces
# in paths and options. The variables mean the same.
# -f: what SRUN_ARGS is split into is taken as it is.
set -efuo pipefail
if (($# < 3)); then
    echo "usage: $0 PARTITION JOB_NAME CONFIG [options of train.py]" >&2
    exit 2
fi
partition=$1 job_name=$2 config=$3
shift 3
gpus_per_node=${GPUS_PER_NODE:-4}
exec srun -p "$partition" \
    --job-name="$job_name" \
    --gres=gpu:"$gpus_per_node" \
    --ntasks="${GPUS:-4}" \
    --ntasks-per-node="$gpus_per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "${BASH_SOURCE[0]}")/train.py" \
    "$config" --launcher slurm "$@"
