/**
 * The commands of those who run the gateway, in the order of the help. Each is loaded when it is requested: what a gateway
 * once loaded stays in its memory.
 */
import type { Command } from 'commander';
import type { OperatorDoctors } from './client/doctor.ts';
import type { CommandIo } from './io.ts';

/** By name, what loads a command and gives what registers it. */
export type Commands = ReadonlyMap<string, () => Promise<(program: Command, io: CommandIo) => void>>;

export const SERVER_COMMANDS: Commands = new Map([
  ['serve', async () => (await import('./server/serve.ts')).registerServe],
  ['sidecar', async () => (await import('./server/sidecar.ts')).registerSidecar],
  ['policy', async () => (await import('./policy/policy.ts')).registerPolicy],
  ['keys', async () => (await import('./operator/keys.ts')).registerKeys],
  ['migrate', async () => (await import('./operator/migrate.ts')).registerMigrate],
  ['uploads', async () => (await import('./operator/uploads.ts')).registerUploads],
  ['inspect', async () => (await import('./operator/inspect.ts')).registerInspect],
  ['revoke', async () => (await import('./operator/revoke.ts')).registerRevoke],
  ['revocations', async () => (await import('./operator/revocations.ts')).registerRevocations],
  ['grant', async () => (await import('./operator/grant.ts')).registerGrant],
  ['grants', async () => (await import('./operator/grants.ts')).registerGrants],
  ['haproxy', async () => (await import('./operator/haproxy.ts')).registerHaproxy],
  ['breakers', async () => (await import('./operator/breakers.ts')).registerBreakers],
]);

/** Loads `sallyport doctor --store` and `--edge`, which nobody's own machine needs. */
export const OPERATOR_DOCTORS: OperatorDoctors = {
  store: async () => (await import('./operator/doctor-store.ts')).doctorStore,
  edge: async () => (await import('./operator/doctor-edge.ts')).doctorEdge,
};
