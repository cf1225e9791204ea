#!/usr/bin/env bash
# A real SLURM for tests: two nodes on this machine, each with two pretended GPUs. To be run as root; installs Debian's
# packages if need be.
# Prints where its slurm.conf is:    export SLURM_CONF=$(tests/slurm/cluster.sh)    then sinfo, sbatch... find it.
# Whatever ran before is left alone if it answers. tests/slurm/cluster.sh stop ends it.
set -euo pipefail
state="${LTH_SLURM:-/tmp/lth-slurm}"
export SLURM_CONF="$state/slurm.conf"
exec 3>&1 1>&2  # stdout is for the path

stop() {
  for daemon in slurmd-lth1 slurmd-lth2 slurmctld; do
    pid=$(cat "$state/$daemon.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "${daemon%-*}" ]; then
      kill "$pid"
      for _ in $(seq 100); do
        grep -qs '^State:.[^Z]' "/proc/$pid/status" || break
        sleep 0.1
      done
    fi
  done
}

answers() { [ "$(sinfo --noheader --format=%T 2>/dev/null | sort -u | grep -cE '^(idle|mixed|allocated)$')" = 1 ]; }

if [ "${1:-}" = stop ]; then stop; exit; fi
if ! command -v slurmd slurmctld munged >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge
fi
if answers; then echo "$SLURM_CONF" >&3; exit; fi

stop
rm -rf "$state"  # of an end that was not clean
mkdir -p "$state/controller" /run/munge
chown munge:munge /run/munge
if ! munge --no-input >/dev/null 2>&1; then
  runuser -u munge -- /usr/sbin/munged --force > "$state/start.log" 2>&1 3>&-
fi

host=$(hostname -s)
for node in lth1 lth2; do
  mkdir "$state/$node"
  echo "NodeName=$node Name=gpu File=/dev/null"
  echo "NodeName=$node Name=gpu File=/dev/zero"
done > "$state/gres.conf"
cat > "$state/slurm.conf" <<CONF
ClusterName=lth
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
GresTypes=gpu
JobRequeue=1
MaxArraySize=1001
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=5
MinJobAge=300
SlurmctldTimeout=30
SlurmdTimeout=60
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/%n
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd-%n.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd-%n.log
NodeName=lth1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17001 CPUs=16 RealMemory=100000 Gres=gpu:2 State=UNKNOWN
NodeName=lth2 NodeHostname=$host NodeAddr=127.0.0.1 Port=17002 CPUs=16 RealMemory=100000 Gres=gpu:2 State=UNKNOWN
PartitionName=tests Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld -f "$SLURM_CONF" >> "$state/start.log" 2>&1 3>&-  # whoever reads the path would wait for daemons too
for node in lth1 lth2; do slurmd -N "$node" -f "$SLURM_CONF" >> "$state/start.log" 2>&1 3>&-; done
for _ in $(seq 300); do
  if answers; then echo "$SLURM_CONF" >&3; exit; fi
  sleep 0.1
done
echo "SLURM does not answer after 30 s; its logs in $state end so:"
for log in "$state"/*.log; do tail -n 20 "$log"; done
exit 1
