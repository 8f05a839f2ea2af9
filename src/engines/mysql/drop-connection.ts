import type { Socket } from 'node:net'
import type { Connection } from 'mysql2'

export const socketOf = (connection: Connection): Socket => (connection as unknown as { stream: Socket }).stream

/**
 * Drops the connection and its socket. The driver's own `destroy` ends the stream in an orderly way: behind a network that drops packets
 * the socket would stay, and keep the process alive, until the kernel gives up.
 */
export function dropConnection(connection: Connection): void {
  connection.destroy()
  socketOf(connection).destroy()
}
