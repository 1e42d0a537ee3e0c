/**
 * An issuer on 127.0.0.1 that answers what it is told to of opaque tokens. It serves discovery and introspection, checks
 * the secret that is sent along, writes down what it was asked, and can be made to fail in every way.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendJson } from './issuer.ts';

export const CLIENT = { id: 'sallyport-gateway', secret: 'the secret of the gateway' };

export interface IntrospectingIssuer {
  readonly url: string;
  /** By token; one that is missing is not active. */
  readonly tokens: Map<string, object>;
  /** The forms that came, in order. */
  readonly requested: URLSearchParams[];
  /** Where discovery says that tokens are asked about; undefined: discovery fails. */
  endpoint: string | undefined;
  /** Takes the place of the regular answers of the introspection endpoint. */
  fault: RequestListener | undefined;
  readonly stop: () => Promise<void>;
  /** Listens again, on the same port. */
  readonly restart: () => Promise<void>;
}

const read = async (req: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

/** What a client sends whose id and secret are form-encoded first. @see RFC 6749 section 2.3.1 */
const authorization = (): string => {
  const [id, secret] = [CLIENT.id, CLIENT.secret].map((text) => encodeURIComponent(text).replaceAll('%20', '+'));
  return `Basic ${Buffer.from(`${id?.replaceAll('-', '%2D')}:${secret}`).toString('base64')}`;
};

export const startIntrospectingIssuer = async (): Promise<IntrospectingIssuer> => {
  let server: Server | undefined;
  let port = 0;
  const answer = (form: URLSearchParams, req: IncomingMessage, res: Parameters<RequestListener>[1]): void => {
    issuer.requested.push(form);
    if (issuer.fault !== undefined) {
      issuer.fault(req, res);
      return;
    }
    const known = req.headers.authorization === authorization() || form.get('client_secret') === CLIENT.secret;
    if (!known) {
      res.writeHead(401).end();
      return;
    }
    const token = issuer.tokens.get(form.get('token') ?? '');
    sendJson(res, token === undefined ? { active: false } : { active: true, ...token });
  };
  const listen = async (): Promise<void> => {
    server = createServer((req, res) => {
      if (req.method === 'POST')
        void read(req).then((body) => {
          answer(new URLSearchParams(body), req, res);
        });
      else if (issuer.endpoint === undefined) res.writeHead(500).end();
      else {
        sendJson(res, {
          issuer: issuer.url,
          jwks_uri: `${issuer.url}/jwks`,
          introspection_endpoint: `${issuer.url}${issuer.endpoint}`,
          keys: [],
        });
      }
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  await listen();
  const issuer: IntrospectingIssuer = {
    url: `http://127.0.0.1:${port}`,
    tokens: new Map(),
    requested: [],
    endpoint: '/introspect',
    fault: undefined,
    stop: async () => {
      server?.closeAllConnections();
      server?.close();
      if (server) await once(server, 'close');
    },
    restart: listen,
  };
  return issuer;
};
