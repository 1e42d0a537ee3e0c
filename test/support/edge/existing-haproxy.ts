/**
 * HAProxy configurations as people have them, with haproxy/sallyport-backend.cfg added as its head says: the lines for
 * `global` and for the frontend are read from there, so that what is tried is what is written.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const SNIPPET = fileURLToPath(new URL('../../../haproxy/sallyport-backend.cfg', import.meta.url));

interface Additions {
  readonly global: readonly string[];
  readonly defaults: readonly string[];
  readonly frontend: readonly string[];
  readonly backend: string;
}

/** Reads the snippet; `sockets` are those of the gateways, and whoever names `localhost` is sent to them. */
export async function additionsOf(sockets: readonly string[]): Promise<Additions> {
  const text = await readFile(SNIPPET, 'utf8');
  const under = (title: string): readonly string[] => {
    const lines = text
      .slice(text.indexOf(`# In ${title}`))
      .split('\n')
      .slice(1);
    return lines
      .slice(
        0,
        lines.findIndex((line) => !line.startsWith('#   ')),
      )
      .map((line) => line.slice(4).replace('s3.example.com', 'localhost'));
  };
  const servers = sockets.map((socket, index) => `    server gateway${index + 1} unix@${socket}\n`).join('');
  const backend = text.slice(text.indexOf('\nbackend sallyport\n')).replace(/^ {4}server gateway1 .*\n/m, servers);
  return { global: under('`global`'), defaults: under('the `defaults`'), frontend: under('the frontend:'), backend };
}

/** Many sites on one port: another site's rules, an id in a form of its own, and addresses of clients for all. */
export const manySites = ({ global, defaults, frontend, backend }: Additions): string => `
global
    log stdout len 8192 format raw local0
    maxconn 500
${indented(global)}
defaults
    mode http
    log global
    option httplog
    option forwardfor
    timeout connect 5s
    timeout client 30s
    timeout server 30s
${indented(defaults)}
frontend https
    bind "\${SALLYPORT_FRONT}" ssl crt "\${SALLYPORT_CERT}" alpn h2,http/1.1
    unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
    unique-id-header X-Request-Id
    http-request set-header X-Forwarded-Proto https
    http-response set-header Strict-Transport-Security max-age=31536000
    acl shop req.hdr(host),field(1,:) -i shop.example.com
    http-request deny if shop { path_beg /admin }
    use_backend shop if shop
${indented(frontend)}
    default_backend shop

backend shop
    http-request return status 200 content-type text/plain lf-string "shop %[path] %[req.hdr(x-user)]"

${backend}`;

/** Connections shared out by name before TLS, which the same program ends behind a socket, by the PROXY protocol. */
export const tcpEdge = ({ global, defaults, frontend, backend }: Additions): string => `
global
    log stdout len 8192 format raw local0
${indented(global)}
defaults
    log global
    timeout connect 5s
    timeout client 30s
    timeout server 30s
${indented(defaults)}
frontend tcp
    mode tcp
    option tcplog
    bind "\${SALLYPORT_FRONT}"
    tcp-request inspect-delay 5s
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend tls if { req.ssl_sni -i localhost }

backend tls
    mode tcp
    server tls "abns@\${SALLYPORT_SOCKET}-tls" send-proxy-v2

frontend https
    mode http
    bind "abns@\${SALLYPORT_SOCKET}-tls" accept-proxy ssl crt "\${SALLYPORT_CERT}" alpn h2,http/1.1
    unique-id-format %[uuid()]
${indented(frontend)}

${backend}`;

const indented = (lines: readonly string[]): string => lines.map((line) => `    ${line}\n`).join('');
