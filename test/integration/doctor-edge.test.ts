/** `sallyport doctor --edge` at edges that lack something, and at those that lack nothing, in front of a real gateway. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy, type HaproxyProgram } from '../../demo/haproxy.ts';
import type { EdgeFinding } from '../../src/client/edge-doctor/edge-doctor.ts';
import { runCommand } from '../support/client/run-command.ts';
import { additionsOf, manySites, tcpEdge } from '../support/edge/existing-haproxy.ts';
import { needs } from '../support/needs.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';

/** What somebody writes who has never seen our file; `rules` is what somebody then adds for the gateway to know addresses. */
const bare = (rules: string): string => `
defaults
    mode http
    log stdout format raw local0
    option httplog
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend f
    bind "\${SALLYPORT_FRONT}" ssl crt "\${SALLYPORT_CERT}" alpn h2,http/1.1
    default_backend b
backend b
${rules}
    server gw "unix@\${SALLYPORT_SOCKET}"
`;
const SECRET_ONLY = '    http-request set-header X-Sallyport-Edge %[env(SALLYPORT_EDGE_SECRET)]';
const CHANGING = `global
    expose-experimental-directives
${bare('    http-request normalize-uri path-merge-slashes')}`.replace(
  'frontend f\n',
  'frontend f\n    option http-restrict-req-hdr-names reject\n    option http-buffer-request\n',
);
/** Stand for files that a report has of its own. */
const [TOKEN, CONFIG] = ['<token>', '<config>'];

const allOf = async <Name extends string>(
  each: Readonly<Record<Name, Promise<Report>>>,
): Promise<Readonly<Record<Name, Report>>> => {
  const named = Object.entries(each) as [Name, Promise<Report>][];
  const entries = await Promise.all(named.map(async ([name, report]) => [name, await report] as const));
  return Object.fromEntries(entries) as Record<Name, Report>;
};

interface Report {
  readonly code: number;
  readonly findings: readonly EdgeFinding[];
  readonly text: string;
}

describe('sallyport doctor --edge', function () {
  this.timeout(120_000);
  let folder: string;
  let stack: Stack;
  let program: HaproxyProgram;
  let certificateFile: string;
  let caFile: string;
  let token: string;
  const running: Child[] = [];
  let reports: ReturnType<typeof examineAll>;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-doctor-edge-'));
    const found = await findHaproxy(join(folder, 'haproxy'), process.env);
    needs(this, 'haproxy', found !== undefined);
    program = found;
    ({ caFile, serverFile: certificateFile } = await ensureCertificates(join(folder, 'tls'), process.env));
    stack = await startStack('embedded');
    token = await stack.token('alice');
    await writeFile(join(folder, 'token'), `${token}\n`);
    reports = examineAll();
    reports.catch(() => undefined);
  });
  after(async () => {
    for (const haproxy of running) await haproxy.kill();
    await stack.stop();
    await rm(folder, { recursive: true });
  });

  /** All at a time: each waits for what is slow on purpose. */
  async function examineAll() {
    const { gatewaySocket } = stack;
    const nobody = join(folder, 'nobody.sock');
    const additions = await additionsOf([gatewaySocket]);
    const shippedConfig = join(import.meta.dirname, '../../haproxy/haproxy.cfg');
    const sites = await at('sites', manySites(additions), gatewaySocket);
    const tcp = await at('tcp', tcpEdge(additions), gatewaySocket);
    const anyone = await at('bare', bare(''), gatewaySocket);
    const secretOnly = await at('secret', bare(SECRET_ONLY), gatewaySocket);
    const silent = tcpEdge(additions).replace(' send-proxy-v2', '').replace(' accept-proxy', '');
    const unannounced = await at('silent', silent.replaceAll('-tls"', '-silent"'), gatewaySocket);
    const changing = await at('changing', CHANGING, gatewaySocket);
    const oursDown = await at('down', manySites(await additionsOf([nobody])), nobody);
    const bareDown = await at('bare-down', bare(''), nobody);
    while (!(await readFile(join(folder, 'down.log'), 'utf8')).includes('gateway1 is DOWN')) await sleep(50);
    const all = ['--token-file', TOKEN, '--haproxy-config', CONFIG];
    const down = await allOf({
      oursDown: oursDown('--gateway-down'),
      bareDown: bareDown('--gateway-down'),
      notDown: doctor(stack.frontUrl, '--gateway-down'),
    });
    const up = await allOf({
      shipped: doctor(stack.frontUrl, '--token-file', TOKEN, '--haproxy-config', shippedConfig),
      sites: sites(...all),
      tcp: tcp(...all),
    });
    const lacking = await allOf({
      blind: anyone(),
      seeing: anyone(...all),
      secretOnly: secretOnly(...all),
      unannounced: unannounced(...all, '--address', '127.0.0.1'),
      changing: changing(...all),
    });
    return { ...down, ...up, ...lacking };
  }

  /** Starts an edge with this configuration, and asks the doctor once it has seen the gateways, or that they are down. */
  async function at(
    name: string,
    config: string,
    gatewaySocket: string,
  ): Promise<(...more: readonly string[]) => Promise<Report>> {
    const [configFile, logFile] = [join(folder, `${name}.cfg`), join(folder, `${name}.log`)];
    await writeFile(configFile, config);
    const port = await freePort();
    const edgeSecret = (await readFile(join(stack.seedFile, '..', 'edge-secret'), 'utf8')).trim();
    const addresses = { configFile, port, certificateFile, gatewaySocket, edgeSecret, logFile };
    running.push(await startHaproxy({ ...program, ...addresses, environment: process.env }));
    return (...more) =>
      doctor(`https://localhost:${port}`, ...more.map((each) => (each === CONFIG ? configFile : each)));
  }

  async function doctor(url: string, ...more: readonly string[]): Promise<Report> {
    const ca = url === stack.frontUrl ? stack.caFile : caFile;
    const flags = more.map((each) => (each === TOKEN ? join(folder, 'token') : each));
    const run = await runCommand(['doctor', '--edge', url, '--ca-file', ca, '--json', ...flags]);
    assert.equal(run.stderr, '');
    assert.equal(run.stdout.includes(token), false);
    const { findings } = JSON.parse(run.stdout) as { findings: EdgeFinding[] };
    return { code: run.code, findings, text: JSON.stringify(findings, null, 1) };
  }

  const missingAt = ({ findings }: Report) =>
    findings.filter(({ state }) => state === 'missing').map(({ check }) => check);
  const stateOf = ({ findings }: Report, check: string) => findings.find((each) => each.check === check)?.state;

  it('finds nothing missing at the shipped edge', async () => {
    const { shipped } = await reports;
    assert.equal(shipped.code, 0, shipped.text);
    assert.ok(shipped.findings.length >= 13);
  });

  it('finds nothing missing at other edges with our backend', async () => {
    const { sites, tcp } = await reports;
    assert.equal(sites.code, 0, sites.text);
    assert.equal(tcp.code, 0, tcp.text);
  });

  it('says what a bare configuration lacks, and that a token is needed to know of addresses', async () => {
    const { blind, seeing } = await reports;
    assert.equal(blind.code, 3);
    for (const check of ['forged address', 'forged id', 'presigned URL', 'configuration and log']) {
      assert.equal(stateOf(blind, check), 'unknown', check);
    }
    assert.equal(seeing.code, 3);
    const ofHeads = [
      'forged address',
      'paths under /-/',
      'large token, HTTP/1.1',
      'large token, HTTP/2',
      'many headers',
    ];
    const ofBodies = ['100 Continue', 'size', 'slow form', 'configuration and log'];
    assert.deepEqual(missingAt(seeing), [...ofHeads, ...ofBodies], seeing.text);
  });

  it('says that a client makes up address and id, where the secret alone was copied', async () => {
    const { findings } = (await reports).secretOnly;
    assert.deepEqual(
      findings.filter(({ check }) => check.startsWith('forged')).map(({ state, found }) => [state, found]),
      [
        ['missing', 'a client chooses the address on record'],
        ['missing', 'a client chooses the id of the edge that is on record'],
      ],
    );
  });

  it('says that the address on record is not the one that it should be', async () => {
    const { unannounced } = await reports;
    const finding = unannounced.findings.find(({ check }) => check === 'forged address');
    assert.equal(finding?.state, 'missing', unannounced.text);
    assert.match(String(finding.lines), /expect-proxy/);
  });

  it('says that what is signed is changed on the way, and that legal names are refused', async () => {
    const { changing } = await reports;
    for (const check of ['presigned URL', 'header names', '100 Continue']) {
      assert.equal(stateOf(changing, check), 'missing', `${check}\n${changing.text}`);
    }
  });

  it('tells whether clients get their answer while no gateway is there, only where it is told to', async () => {
    const { oursDown, bareDown, notDown } = await reports;
    assert.equal(oursDown.code, 0, oursDown.text);
    assert.equal(bareDown.code, 3, bareDown.text);
    assert.ok(missingAt(bareDown).includes('upload over HTTP/2, no gateway'));
    assert.equal(notDown.code, 4, notDown.text);
  });

  it('says in words what is missing, and the line that adds it', async () => {
    const file = join(folder, 'bare.cfg');
    const nobody = `https://localhost:${await freePort()}`;
    const { stdout, code } = await runCommand(['doctor', '--edge', nobody, '--haproxy-config', file]);
    assert.equal(code, 3);
    assert.match(
      stdout,
      /^not known +gateway: .*\nMISSING +configuration and log: .*httplog.*\n +in its place: log-format /,
    );
    assert.match(stdout, /docs\/haproxy-existing\.md/);
  });

  it('cannot tell anything where nothing answers, and fails on wrong usage', async () => {
    const nobody = await doctor(`https://localhost:${await freePort()}`);
    assert.equal(nobody.code, 4);
    for (const args of [
      ['--edge', 'http://localhost'],
      ['--edge', 'https://localhost/path'],
      ['--edge', 'https://localhost', '--store', 'x'],
      ['--edge', 'https://localhost', '--bucket', 'x'],
      ['--edge', 'https://localhost', '--address', 'here'],
      ['--edge', 'https://localhost', '--token-file', '/does/not/exist'],
      ['--gateway-down'],
      ['--haproxy-config', 'x'],
    ]) {
      const run = await runCommand(['doctor', ...args]);
      assert.deepEqual([run.code, run.stdout], [2, ''], args.join(' '));
    }
  });
});
