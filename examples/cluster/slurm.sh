#!/bin/bash
# One run by many tasks: sbatch slurm.sh config.json /shared/runs/mine
#SBATCH --job-name=igd
#SBATCH --array=1-8
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --output=%x-%A_%a.log
# A card each, with --device cuda below: SLURM shows each task its own.
##SBATCH --gpus-per-task=1
set -euo pipefail

# Not by npx, and by exec: a signal of SLURM's then reaches igd itself, which gives its shards back and ends.
exec node_modules/.bin/igd run "$1" --out "$2" --workers "$SLURM_CPUS_PER_TASK"
