/**
 * Which connections of a server may be closed when it ends: those that nobody asks or is answered on. Node's own
 * closeIdleConnections() takes one for idle as soon as its answer is ended, though most of it may not be sent yet: a slow
 * client's download would be cut.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';

interface Connection {
  /** Requests whose answer is not sent yet: more than one where a client pipelines them. */
  answering: number;
  /** Bytes that it had brought when it was idle last. */
  bytesRead: number;
}

/** Makes `server.closeIdleConnections()`, and with it `server.close()`, leave a connection alone until its answer is sent. */
export function closeNoneThatSends(server: Server): void {
  const connections = new Map<Socket, Connection>();

  server.on(server instanceof HttpsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections.set(socket, { answering: 0, bytesRead: socket.bytesRead });
    socket.once('close', () => connections.delete(socket));
  });
  const begins = ({ socket }: IncomingMessage, res: ServerResponse): void => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.answering += 1;
    // After its last byte was given to the system, or with the connection.
    res.once('close', () => {
      connection.answering -= 1;
      connection.bytesRead = socket.bytesRead;
    });
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, begins);

  server.closeIdleConnections = () => {
    for (const [socket, { answering, bytesRead }] of connections) {
      // What has brought more since brings a request.
      if (answering === 0 && socket.bytesRead === bytesRead) socket.destroy();
    }
  };
}
