#!/usr/bin/env bash
# Runs once, when the image creates the cluster: an account and a slot for the replica.
set -euo pipefail

psql --variable=ON_ERROR_STOP=1 --username postgres <<'SQL'
CREATE ROLE replicator WITH REPLICATION LOGIN PASSWORD 'secret';
SELECT pg_create_physical_replication_slot('replica_1');
SQL

# The image's own line says "all" databases, which does not include replication.
echo 'host replication replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"
