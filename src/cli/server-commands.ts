/**
 * The commands of those who run the gateway, in the order of the help. Each is loaded when it is asked for: what a gateway
 * once loaded stays in its memory.
 */
import type { Command } from 'commander';
import type { StoreDoctor } from './doctor.ts';
import type { CommandIo } from './io.ts';

type Register = (program: Command, io: CommandIo) => void;

/** By name, what loads them. */
export const SERVER_COMMANDS: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ['serve', async () => (await import('./serve.ts')).registerServe],
  ['sidecar', async () => (await import('./sidecar.ts')).registerSidecar],
  ['demo', async () => (await import('./demo.ts')).registerDemo],
  ['keys', async () => (await import('./keys.ts')).registerKeys],
  ['migrate', async () => (await import('./migrate.ts')).registerMigrate],
  ['uploads', async () => (await import('./uploads.ts')).registerUploads],
  ['inspect', async () => (await import('./inspect.ts')).registerInspect],
  ['revoke', async () => (await import('./revoke.ts')).registerRevoke],
  ['revocations', async () => (await import('./revocations.ts')).registerRevocations],
]);

/** Loads `sallyport doctor --store`, which nobody's own machine needs. */
export const loadStoreDoctor = async (): Promise<StoreDoctor> => (await import('./doctor-store.ts')).doctorStore;
