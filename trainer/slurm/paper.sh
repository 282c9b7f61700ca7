#!/bin/bash
# chexgen-stage1-256, chexgen-stage2-512, chexgen-control: each begins when the one before ended well; made by chexgen launch.
# A stage that is put back into the queue keeps its number, so the ones after it wait on.
set -eu

job0=$(sbatch --parsable <<'END_OF_JOB'
#!/bin/bash
# chexgen-stage1-256: 4 machines with 8 graphics cards, one rank a card; made by chexgen launch.
#SBATCH --job-name=chexgen-stage1-256
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
# A job that starts again goes on in the same log.
#SBATCH --open-mode=append
#SBATCH --requeue
# So many seconds before the time is over, every rank is asked to stop.
#SBATCH --signal=USR1@120

set -u

# One way to sum, whatever the library would choose today: a training that goes on has the bits of one that was
# never stopped.
export NCCL_ALGO=Ring NCCL_PROTO=Simple
# A link that is busy for a while is not a dead one: 4.2 s for each of seven tries instead of 1.
export NCCL_IB_TIMEOUT=20
# Faults of the network stand in the log, and nothing else. INFO tells which links are used.
export NCCL_DEBUG=WARN
# Where a node has several networks, name the one for the first contact: export NCCL_SOCKET_IFNAME=ib0
# Threads of a rank: its own cores, not those of the node.
export RAYON_NUM_THREADS=16

echo "job $SLURM_JOB_ID, start ${SLURM_RESTART_COUNT:-0}, on $SLURM_JOB_NODELIST"
if [ "${SLURM_RESTART_COUNT:-0}" -ge 200 ]; then
  echo "started 200 times without an end; see whether it gets on at all" >&2
  exit 1
fi

code=0
# A rank that dies is named in the log, and the others are ended.
srun --kill-on-bad-exit=1 --cpu-bind=cores --cpus-per-task="$SLURM_CPUS_PER_TASK" \
  chexgen train trainer/configs/stage1-256.paper.toml --out runs/stage1-256 --device cuda --parts models/parts || code=$?

# 3: asked to stop, everything is kept. Back into the queue; the same command goes on from there.
if [ "$code" = 3 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
END_OF_JOB
)
echo "chexgen-stage1-256: job ${job0%%;*}"

job1=$(sbatch --parsable --dependency="afterok:${job0%%;*}" --kill-on-invalid-dep=yes <<'END_OF_JOB'
#!/bin/bash
# chexgen-stage2-512: 4 machines with 8 graphics cards, one rank a card; made by chexgen launch.
#SBATCH --job-name=chexgen-stage2-512
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
# A job that starts again goes on in the same log.
#SBATCH --open-mode=append
#SBATCH --requeue
# So many seconds before the time is over, every rank is asked to stop.
#SBATCH --signal=USR1@120

set -u

# One way to sum, whatever the library would choose today: a training that goes on has the bits of one that was
# never stopped.
export NCCL_ALGO=Ring NCCL_PROTO=Simple
# A link that is busy for a while is not a dead one: 4.2 s for each of seven tries instead of 1.
export NCCL_IB_TIMEOUT=20
# Faults of the network stand in the log, and nothing else. INFO tells which links are used.
export NCCL_DEBUG=WARN
# Where a node has several networks, name the one for the first contact: export NCCL_SOCKET_IFNAME=ib0
# Threads of a rank: its own cores, not those of the node.
export RAYON_NUM_THREADS=16

echo "job $SLURM_JOB_ID, start ${SLURM_RESTART_COUNT:-0}, on $SLURM_JOB_NODELIST"
if [ "${SLURM_RESTART_COUNT:-0}" -ge 200 ]; then
  echo "started 200 times without an end; see whether it gets on at all" >&2
  exit 1
fi

code=0
# A rank that dies is named in the log, and the others are ended.
srun --kill-on-bad-exit=1 --cpu-bind=cores --cpus-per-task="$SLURM_CPUS_PER_TASK" \
  chexgen train trainer/configs/stage2-512.paper.toml --out runs/stage2-512 --device cuda --from runs/stage1-256 --parts models/parts || code=$?

# 3: asked to stop, everything is kept. Back into the queue; the same command goes on from there.
if [ "$code" = 3 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
END_OF_JOB
)
echo "chexgen-stage2-512: job ${job1%%;*}"

job2=$(sbatch --parsable --dependency="afterok:${job1%%;*}" --kill-on-invalid-dep=yes <<'END_OF_JOB'
#!/bin/bash
# chexgen-control: 4 machines with 8 graphics cards, one rank a card; made by chexgen launch.
#SBATCH --job-name=chexgen-control
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
# A job that starts again goes on in the same log.
#SBATCH --open-mode=append
#SBATCH --requeue
# So many seconds before the time is over, every rank is asked to stop.
#SBATCH --signal=USR1@120

set -u

# One way to sum, whatever the library would choose today: a training that goes on has the bits of one that was
# never stopped.
export NCCL_ALGO=Ring NCCL_PROTO=Simple
# A link that is busy for a while is not a dead one: 4.2 s for each of seven tries instead of 1.
export NCCL_IB_TIMEOUT=20
# Faults of the network stand in the log, and nothing else. INFO tells which links are used.
export NCCL_DEBUG=WARN
# Where a node has several networks, name the one for the first contact: export NCCL_SOCKET_IFNAME=ib0
# Threads of a rank: its own cores, not those of the node.
export RAYON_NUM_THREADS=16

echo "job $SLURM_JOB_ID, start ${SLURM_RESTART_COUNT:-0}, on $SLURM_JOB_NODELIST"
if [ "${SLURM_RESTART_COUNT:-0}" -ge 200 ]; then
  echo "started 200 times without an end; see whether it gets on at all" >&2
  exit 1
fi

code=0
# A rank that dies is named in the log, and the others are ended.
srun --kill-on-bad-exit=1 --cpu-bind=cores --cpus-per-task="$SLURM_CPUS_PER_TASK" \
  chexgen train trainer/configs/control.paper.toml --out runs/control --device cuda --from runs/stage2-512 --parts models/parts || code=$?

# 3: asked to stop, everything is kept. Back into the queue; the same command goes on from there.
if [ "$code" = 3 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
END_OF_JOB
)
echo "chexgen-control: job ${job2%%;*}"
