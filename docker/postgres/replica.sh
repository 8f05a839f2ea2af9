#!/usr/bin/env bash
# Entry point of the replica: copies the primary the first time, then starts as the image does.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # A copy that was interrupted leaves files behind, and pg_basebackup wants an empty folder.
  mkdir -p "$PGDATA"
  find "$PGDATA" -mindepth 1 -delete
  PGPASSWORD=secret pg_basebackup --host="$PRIMARY_HOST" --username=replicator --pgdata="$PGDATA" \
    --write-recovery-conf --slot=replica_1 --wal-method=stream --checkpoint=fast
  chown -R postgres:postgres "$PGDATA"
  chmod 0700 "$PGDATA"
fi

exec docker-entrypoint.sh "$@"
