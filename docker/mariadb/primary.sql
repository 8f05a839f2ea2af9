-- Runs once, when the image creates the data directory: an account for the replica.
CREATE USER 'replicator'@'%' IDENTIFIED BY 'secret';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'replicator'@'%';
-- The history starts here: the replica makes its own accounts and would stumble over ours.
RESET MASTER;
