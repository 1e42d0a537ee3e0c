/**
 * Which connections of a server may be closed when it ends: those that nobody asks or is answered on. Node's own
 * closeIdleConnections() takes one for idle as soon as its answer is ended, though most of it may not be sent yet: a slow
 * client's download would be cut.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';

/** Makes `server.closeIdleConnections()`, and with it `server.close()`, leave a connection alone until its answer is sent. */
export function closeNoneThatSends(server: Server): void {
  /** Connections, and what each had brought when it was idle last; `undefined`: it is being answered. */
  const connections = new Map<Socket, number | undefined>();
  const isIdle = (socket: Socket): void => void connections.set(socket, socket.bytesRead);

  server.on(server instanceof HttpsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    isIdle(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const begins = ({ socket }: IncomingMessage, res: ServerResponse): void => {
    if (!connections.has(socket)) return;
    connections.set(socket, undefined);
    // After its last byte was given to the system, or with the connection.
    res.once('close', () => {
      if (connections.has(socket)) isIdle(socket);
    });
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, begins);

  server.closeIdleConnections = () => {
    // What has brought more since brings a request.
    for (const [socket, bytesRead] of connections) if (socket.bytesRead === bytesRead) socket.destroy();
  };
}
