#!/usr/bin/env bash
# A Slurm of one node from Debian's packages, and a run on it. As root, from the root of the repository:
#
#     apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
#     experiments/slurm.sh bench run --codec jpeg --dataset sample --cluster slurm:2
#
# All that Slurm writes lies in a temporary folder, and its daemons end with the command.
set -eu
folder=$(mktemp -d /tmp/slurm.XXXXXX)
mkdir "$folder/state" "$folder/spool"
chmod 755 "$folder"
host=$(hostname -s)
cat > "$folder/slurm.conf" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
MpiDefault=none
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc --all) Sockets=1 CoresPerSocket=$(nproc --all) ThreadsPerCore=1 RealMemory=10000
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
echo CgroupPlugin=cgroup/v1 > "$folder/cgroup.conf"
export SLURM_CONF=$folder/slurm.conf

socket=/run/munge/munge.socket.2
daemons=()
end() {
    status=$?
    [ $status = 0 ] || tail -n 20 "$folder"/*.log >&2
    kill "${daemons[@]}" 2>/dev/null || true
    wait "${daemons[@]}" 2>/dev/null || true
    rm -rf "$folder"
    exit $status
}
trap end EXIT
if [ ! -S "$socket" ]; then
    mkdir -p /run/munge
    chown munge:munge /run/munge
    setpriv --reuid munge --regid munge --clear-groups munged --foreground >/dev/null 2>&1 &
    daemons+=($!)
fi
until munge -n >/dev/null 2>&1; do sleep 0.1; done
slurmctld -D >/dev/null 2>&1 &
daemons+=($!)
slurmd -D -N "$host" >/dev/null 2>&1 &
daemons+=($!)
until sinfo -h -o %T 2>/dev/null | grep -q idle; do sleep 0.2; done
sinfo
"$@"
squeue
