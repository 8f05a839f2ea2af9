#!/bin/sh
# Cleans up after a parent that can no longer do it. The parent holds the other end of stdin; when it ends, however it
# ends (SIGKILL too), the read below meets the end of the file.
#
# Lines on stdin: "process PID", "program PID", "gone PID", "directory PATH", "removed PATH", "container ID",
# "removed-container ID".

trap '' HUP INT TERM QUIT
pids=' '
programs=' '
containers=' '

while read -r what value; do
  case $what in
    process) pids="$pids$value " ;;
    program) programs="$programs$value " ;;
    gone)
      pids=$(printf '%s' "$pids" | sed "s/ $value / /")
      programs=$(printf '%s' "$programs" | sed "s/ $value / /")
      ;;
    container) containers="$containers$value " ;;
    removed-container) containers=$(printf '%s' "$containers" | sed "s/ $value / /") ;;
    directory) set -- "$@" "$value" ;;
    removed)
      # Rotates the list once and leaves out the one that is gone.
      count=$#
      while [ "$count" -gt 0 ]; do
        [ "$1" = "$value" ] || set -- "$@" "$1"
        shift
        count=$((count - 1))
      done
      ;;
  esac
done

# Programs use the servers and would only fail from here on. No SIGQUIT for them: its answer is a core file.
for pid in $programs; do
  kill -KILL "-$pid" 2>/dev/null
done

# Each process leads a group of its own, and the group is meant: mariadb-install-db is a script whose server would go on
# writing. SIGQUIT first, because PostgreSQL then ends its children and gives back its shared memory. A stopped process
# needs SIGCONT.
for pid in $pids; do
  kill -QUIT "-$pid" 2>/dev/null
  kill -CONT "-$pid" 2>/dev/null
done
tries=0
for pid in $pids; do
  # At most three seconds for all of them; a zombie that nobody reaps answers kill -0 as well.
  while [ "$tries" -lt 30 ] && kill -0 "$pid" 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -KILL "-$pid" 2>/dev/null
done

for container in $containers; do
  docker rm --force --volumes "$container" >/dev/null 2>&1
done

# The second try is for a backend that wrote a last file meanwhile.
rm -rf "$@" || { sleep 0.5 && rm -rf "$@"; }
