#!/bin/bash
# What torchrun does for one machine, as its documentation says, for tests of the scripts that start it: it starts the
# ranks in sessions of their own, tells each who it is, ends all when one fails, and makes 1 of every exit code.
set -u
nodes=0 ranks=0 id=none endpoint=
while [ $# -gt 0 ]; do
  case $1 in
    --no-python) shift ;;
    --nnodes) nodes=$2; shift 2 ;;
    --nproc-per-node) ranks=$2; shift 2 ;;
    --rdzv-id) id=$2; shift 2 ;;
    --rdzv-endpoint) endpoint=$2; shift 2 ;;
    --max-restarts | --rdzv-backend) shift 2 ;;
    -*) echo "torchrun: error: unrecognized arguments: $1" >&2; exit 2 ;;
    *) break ;;
  esac
done
if [ "$nodes" != 1 ] || [ "$ranks" -lt 1 ] || [ -z "${endpoint%:*}" ]; then
  echo "torchrun: one machine, with ranks and an endpoint: $nodes, $ranks, $endpoint" >&2
  exit 2
fi
export WORLD_SIZE=$ranks LOCAL_WORLD_SIZE=$ranks ROLE_WORLD_SIZE=$ranks GROUP_RANK=0 GROUP_WORLD_SIZE=1 ROLE_NAME=default
export MASTER_ADDR=${endpoint%:*} MASTER_PORT=${endpoint#*:} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export TORCHELASTIC_RUN_ID=$id TORCHELASTIC_RESTART_COUNT=0 TORCHELASTIC_MAX_RESTARTS=0
children=()
for ((rank = 0; rank < ranks; rank++)); do
  RANK=$rank LOCAL_RANK=$rank ROLE_RANK=$rank setsid "$@" &
  children+=($!)
done
failed=0
for ((left = ranks; left > 0; left--)); do
  if ! wait -n && [ "$failed" = 0 ]; then
    failed=1
    for child in "${children[@]}"; do kill -TERM -- "-$child" 2>/dev/null; done
  fi
done
exit "$failed"
