-- Runs once, when the image creates the data directory. Replication begins with the next start of the server.
RESET MASTER;
SET GLOBAL gtid_slave_pos = '';
CHANGE MASTER TO
  MASTER_HOST = 'mariadb',
  MASTER_USER = 'replicator',
  MASTER_PASSWORD = 'secret',
  MASTER_USE_GTID = slave_pos,
  MASTER_CONNECT_RETRY = 2;
