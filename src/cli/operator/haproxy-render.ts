/** `sallyport haproxy render`: HAProxy's configuration of Sallyport's own. See haproxy/README.md. */
import { join, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { parseAddress } from '../../config/values/shapes.ts';
import { renderEdgeFile, type GatewayAddress } from '../../compose/edge-render.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { CONFIG_OPTION, readConfig } from '../read-config.ts';

interface RenderFlags {
  readonly config?: string;
  readonly output?: string;
  readonly front: string;
  readonly cert: string;
  readonly maps: string;
  readonly gateway?: readonly GatewayAddress[];
  readonly gatewayCa?: string;
  readonly edgeCert?: string;
}

/** Registers `haproxy render`. */
export function registerRender(haproxy: Command, io: CommandIo): void {
  haproxy
    .command('render')
    .description("Makes HAProxy's whole configuration of the gateway's own, and keeps an operator's additions.")
    .option(...CONFIG_OPTION)
    .option('--output <file>', 'where it is written, and what was added there kept; else stdout')
    .option('--front <addresses>', 'what HAProxy listens on, separated by commas', ':443,[::]:443')
    .option('--cert <file>', 'its certificate chain and private key (PEM)', '/etc/haproxy/sallyport.pem')
    .option('--maps <folder>', 'the folder of its maps', '/etc/haproxy/maps')
    .option('--gateway <address>', 'a gateway, once for each: host:port or unix@/path; else `listen`', gateways)
    .option('--gateway-ca <file>', "authority of the gateways' certificates, where they listen by TLS")
    .option('--edge-cert <file>', "HAProxy's certificate and key for them")
    .addHelpText(
      'after',
      `
Examples:
  sallyport haproxy render --config sallyport.yaml --output /etc/haproxy/haproxy.cfg
  sallyport haproxy render --config sallyport.yaml --gateway gw1.internal:8444 --gateway gw2.internal:8444 \\
    --gateway-ca /etc/haproxy/gateways.pem --edge-cert /etc/haproxy/edge.pem

From the configuration come where gateways listen, names with a host for each bucket, and the limits and timeouts that
HAProxy's must fit. Secrets stay in variables (SALLYPORT_EDGE_SECRET).

Lines of your own go into the file, between two comments, in any section or after the last one:
  # operator: begin NAME
  ...
  # operator: end
Rendered again, they follow the line that they followed. Other changes in the file are refused, never overwritten.
Check the result before HAProxy reads it: haproxy -c -f /etc/haproxy/haproxy.cfg

Exit codes: 0 done, 1 failed (the file has other changes), 2 usage or configuration.`,
    )
    .action(async (flags: RenderFlags) => {
      const config = await readConfig(io, flags.config);
      const { front, cert: certificate, maps, gateway, gatewayCa: ca, edgeCert } = flags;
      if ((ca === undefined) !== (edgeCert === undefined)) {
        throw new CommandError('--gateway-ca and --edge-cert go together', 2);
      }
      const tls = ca === undefined || edgeCert === undefined ? undefined : { ca, certificate: edgeCert };
      const output = flags.output === undefined ? undefined : resolve(io.cwd, flags.output);
      const shippedFile = join(io.packageRoot, 'haproxy', 'haproxy.cfg');
      const options = { front, certificate, maps, gateways: gateway, tls };
      const rendered = await renderEdgeFile(config, options, { shippedFile, output });
      if ('fault' in rendered) throw new CommandError(`${flags.output ?? 'haproxy.cfg'}: ${rendered.fault}`);
      if (output === undefined) io.stdout.write(rendered.text);
    });
}

function gateways(text: string, before: readonly GatewayAddress[] = []): readonly GatewayAddress[] {
  if (text.startsWith('unix@/')) return [...before, { path: text.slice('unix@'.length) }];
  const address = parseAddress(text);
  if (address === undefined) throw new InvalidArgumentError('It must be host:port or unix@/path.');
  return [...before, { ...address, tls: undefined }];
}
