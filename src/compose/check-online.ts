/**
 * Can a configuration serve here? Enters: a configuration that is right in itself. Leaves: a finding for each thing beyond the
 * keyrings that it depends on: issuers, lists, the folder of the audit, the addresses to listen on, and each bucket by the role and
 * the store of it. All are asked at once; each question ends within its timeout. Nothing that was there is changed.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { diskFiles } from '../audit/audit-files.ts';
import type { Config, StoreAccessConfig } from '../config/config.ts';
import { listen, socketIsHeld, type ListenTarget } from '../http/listen.ts';
import { createIssuer } from '../identity/issuer.ts';
import { ListStoreError, type Listed, type ListStore } from '../lists/list-store.ts';
import { checkBuckets } from './check-buckets.ts';
import type { Finding } from './finding.ts';
import { grantStoreOf } from './grants.ts';
import { breakerStoreOf } from './guardrails.ts';
import { revocationStoreOf } from './revocations.ts';
import { UNOBSERVED } from './silent-observer.ts';

/** What a service listens on, and the key of configuration that says so. */
export interface Listening {
  readonly name: 'listen' | 'admin';
  readonly target: ListenTarget;
  readonly setting: string;
}

/** A gateway has all of it, a sidecar less. */
export interface ServiceConfig extends StoreAccessConfig, Partial<Pick<Config, 'issuers' | 'revocation'>> {
  readonly audit: Config['audit'] | undefined;
  readonly policies?: Partial<Pick<Config['policies'], 'grants' | 'guardrails'>> | undefined;
}

const options = { clock: { now: Date.now }, observer: UNOBSERVED };

/** Asks all of them. */
export async function checkOnline(config: ServiceConfig, listening: readonly Listening[]): Promise<readonly Finding[]> {
  const findings = await Promise.all([
    ...(config.issuers ?? []).map((issuer) => checkIssuer(issuer, config.timeouts.jwksMs)),
    checkLists(config),
    checkAudit(config.audit),
    ...listening.map(checkListening),
    checkBuckets(config),
  ]);
  return findings.flat();
}

async function checkIssuer(config: Config['issuers'][number], jwksMs: number): Promise<Finding> {
  const issuer = createIssuer({ ...config, fetchTimeoutSeconds: jwksMs / 1000, maxWaiting: 1 }, options);
  const name = `issuer:${config.name}`;
  try {
    await issuer.refresh();
    const [problem] = issuer.health().flatMap((report) => (report.state === 'degraded' ? [report.detail ?? ''] : []));
    if (problem === undefined) return { name, state: 'ok' };
    const why = problem.split(';')[0] ?? '';
    const remedy = `is it up and reachable from here, and issuers.${config.name}.issuer right?`;
    return { name, state: 'wrong', detail: `issuer ${config.name} (${config.issuer}): ${why}: ${remedy}` };
  } finally {
    await issuer.close();
  }
}

async function checkLists({ revocation, policies }: ServiceConfig): Promise<readonly Finding[]> {
  if (revocation === undefined) return [];
  const { grants, guardrails } = policies ?? {};
  const where = revocation.kind === 'redis' ? 'revocation.redis' : 'revocation.file';
  const readable = async (
    name: string,
    open: () => Promise<Pick<ListStore<Listed>, 'read' | 'close'>>,
  ): Promise<Finding> => {
    const store = await open();
    try {
      await store.read();
      return { name, state: 'ok' };
    } catch (error) {
      if (!(error instanceof ListStoreError)) throw error;
      return { name, state: 'wrong', detail: `the list of ${name} (${where}): ${error.message}` };
    } finally {
      await store.close();
    }
  };
  return Promise.all([
    readable('revocations', () => revocationStoreOf(revocation, options)),
    ...(grants === undefined ? [] : [readable('grants', () => grantStoreOf(grants, revocation, options))]),
    ...(guardrails === undefined ? [] : [readable('breakers', () => breakerStoreOf(guardrails, revocation, options))]),
  ]);
}

/** A folder that is missing is made when the service starts, and not before. */
async function checkAudit(audit: Config['audit'] | undefined): Promise<readonly Finding[]> {
  if (audit === undefined) return [];
  const { directory, minFreeBytes } = audit;
  const wrong = (detail: string): readonly Finding[] => [
    { name: 'audit', state: 'wrong', detail: `audit.directory ${directory}: ${detail}` },
  ];
  try {
    const existing = await nearestFolder(directory);
    await access(existing, constants.W_OK | constants.X_OK);
    const freeBytes = await diskFiles.freeBytes(existing);
    if (freeBytes < minFreeBytes)
      return wrong(`${freeBytes} bytes are free on its disk; audit.minFreeBytes is ${minFreeBytes}`);
    if (existing === directory) {
      await diskFiles.prepare(directory);
      const file = await diskFiles.create(directory, `.check-${randomUUID()}`, true);
      await file.close();
      await diskFiles.remove(directory, file.name);
    }
    return [{ name: 'audit', state: 'ok' }];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      return wrong(`this user may not write there (${code}); give the folder to the user of the service`);
    }
    return wrong(code === 'ENOTDIR' ? 'a part of that path is no folder' : (code ?? message));
  }
}

async function nearestFolder(path: string): Promise<string> {
  const found = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  return found === undefined ? nearestFolder(dirname(path)) : path;
}

/** Listens for a moment. An address that is taken may be that of the service which this one is to replace. */
async function checkListening({ name, target, setting }: Listening): Promise<Finding> {
  try {
    if ('socket' in target && (await lstat(target.socket).catch(() => undefined)) !== undefined) {
      if (!(await socketIsHeld(target.socket))) return { name, state: 'ok' };
      const detail = `another process listens on ${target.socket} (${setting}): the service that runs now?`;
      return { name, state: 'unclear', detail };
    }
    const server = createServer();
    await listen(server, target, setting);
    await new Promise((closed) => server.close(closed));
    return { name, state: 'ok' };
  } catch (error) {
    const { message, cause } = error as Error;
    const isTaken = (cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
    return { name, state: isTaken ? 'unclear' : 'wrong', detail: message };
  }
}
