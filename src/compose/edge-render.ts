/** The composition root of `sallyport haproxy render`: the gateway's configuration and a file of HAProxy in; that file out. */
import { readFile, stat } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import { renderEdge, RenderFault, type EdgeFacts, type GatewayAddress } from '../edge/render.ts';
import { replaceDurably } from '../platform/durable-file.ts';

export type { GatewayAddress };

/** What of HAProxy the gateway's configuration does not say. */
export interface EdgeRenderOptions extends Pick<EdgeFacts, 'front' | 'certificate' | 'maps'> {
  /** Undefined: the one of the configuration. */
  readonly gateways: readonly GatewayAddress[] | undefined;
  /** PEM files of HAProxy's side, where gateways listen by TLS. */
  readonly tls: { readonly ca: string; readonly certificate: string } | undefined;
}

/** Gives what HAProxy must know. @throws RenderFault */
function factsOf({ listen, endpoint, limits, timeouts }: Config, options: EdgeRenderOptions): EdgeFacts {
  const { front, certificate, maps, tls } = options;
  const byTls = listen.kind === 'tcp' && listen.tls !== undefined;
  if (byTls && tls === undefined) throw new RenderFault('gateways listen by TLS: name --gateway-ca and --edge-cert');
  if (!byTls && tls !== undefined) {
    throw new RenderFault('--gateway-ca and --edge-cert are for gateways that listen by TLS (listen.tls)');
  }
  const gateways = (options.gateways ?? [ownAddress(listen)]).map((one) => ('path' in one ? one : { ...one, tls }));
  const { requestBodyIdleMs, upstreamHeadersMs, keepAliveMs } = timeouts;
  return {
    ...{ front, certificate, maps, gateways, publicHosts: endpoint.publicHosts },
    ...{ headerBytes: limits.headerBytes, requestBodyIdleMs, upstreamHeadersMs, keepAliveMs },
  };
}

function ownAddress(listen: Config['listen']): GatewayAddress {
  if (listen.kind === 'socket') return { path: listen.path };
  const { host, port } = listen;
  if (host !== '0.0.0.0' && host !== '::') return { host, port, tls: undefined };
  throw new RenderFault('listen.address is every address of its machine: name --gateway');
}

/**
 * Renders `shippedFile`, and keeps what was added in `output`, which is replaced at once or not at all; its mode stays.
 * Without `output` gives the text alone. A fault is one clause.
 */
export async function renderEdgeFile(
  config: Config,
  options: EdgeRenderOptions,
  { shippedFile, output }: { readonly shippedFile: string; readonly output: string | undefined },
): Promise<{ readonly text: string } | { readonly fault: string }> {
  try {
    const facts = factsOf(config, options);
    const shipped = await readFile(shippedFile, 'utf8');
    const existing = output === undefined ? undefined : await stat(output).catch(ifMissing);
    const before = existing === undefined || output === undefined ? undefined : await readFile(output, 'utf8');
    const text = renderEdge(shipped, facts, before);
    const mode = (existing?.mode ?? 0o644) & 0o777;
    if (output !== undefined) await replaceDurably(output, text, { prepare: (file) => file.chmod(mode) });
    return { text };
  } catch (error) {
    if (error instanceof RenderFault) return { fault: error.message };
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return { fault: error.code };
    throw error;
  }
}

function ifMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
