#!/bin/bash
# A Slurm job array: each task measures its part of the images into results of its own.
#
#     sbatch --array=1-8 examples/slurm.sh vtm kodak
#     bench merge results/shards/* --into results     # when all are done
#
# A task that was killed goes on where it stopped when it is submitted again.
#SBATCH --job-name=codec-bench
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=12:00:00
set -eu
codec=$1 dataset=$2
shard=$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
bench run --codec "$codec" --dataset "$dataset" --shard "$shard" --memory 7G \
    --threads "${SLURM_CPUS_PER_TASK:-1}" --results "results/shards/$SLURM_ARRAY_TASK_ID"
