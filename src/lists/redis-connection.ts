/**
 * One connection to Redis that comes back by itself. Nothing waits on it: a command is refused while there is none, and
 * aborted where no answer comes. What Redis says in an error is never passed on: it may hold anything.
 */
import { createClient, type RedisClientOptions } from '@redis/client';
import type { RedisAddress, RedisLogin, RedisTls } from '../contracts/revocation-settings.ts';
import { withinTime } from '../platform/time-limit.ts';
import { ListStoreError } from './list-store.ts';

export interface RedisOptions extends RedisAddress {
  /** Asked for at each connection; default: the one of the address. */
  readonly login?: () => RedisLogin;
  /** A connection that is silent for so long is dead. */
  readonly silenceTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 3000;
const COMMAND_TIMEOUT_MS = 3000;
/** Five times what lies between two commands. */
const SILENCE_TIMEOUT_MS = 5000;
const FIRST_PAUSE_MS = 100;
/** Short, so that a Redis that is back is read within seconds. */
const LONGEST_PAUSE_MS = 1000;
const MAX_QUEUED_COMMANDS = 100;

export type RedisClient = ReturnType<typeof makeClient>;

export interface RedisConnection {
  /** Gives the client while it is connected. @throws ListStoreError */
  readonly client: () => RedisClient;
  /** Counts the connections there were: with another one there may be another Redis. */
  readonly generation: () => number;
  /** Resolves when it is connected, or when that takes longer than an attempt may. */
  readonly settled: () => Promise<void>;
  readonly close: () => void;
}

/** Begins to connect. */
export function openRedis(options: RedisOptions): RedisConnection {
  const client = makeClient(options);
  let generation = 0;
  let lastError: unknown;
  const first = Promise.withResolvers<undefined>();
  client.on('ready', () => {
    generation += 1;
    first.resolve(undefined);
  });
  // Without a listener an error would end the process.
  client.on('error', (error: unknown) => {
    lastError = error;
  });
  client.connect().catch((error: unknown) => {
    lastError = error;
  });
  return {
    client: () => {
      if (!client.isReady) throw new ListStoreError('Redis is not connected', { cause: lastError });
      return client;
    },
    generation: () => generation,
    settled: async () => {
      await withinTime(first.promise, CONNECT_TIMEOUT_MS, () => undefined);
    },
    close: () => client.destroy(),
  };
}

function makeClient(options: RedisOptions) {
  const { host, port, tls, database, login = () => options, silenceTimeoutMs = SILENCE_TIMEOUT_MS } = options;
  return createClient({
    // Version 2 needs no greeting of its own, and every Redis and Valkey speaks it.
    RESP: 2,
    socket: {
      ...{ host, port, connectTimeout: CONNECT_TIMEOUT_MS, socketTimeout: silenceTimeoutMs },
      reconnectStrategy: (retries: number) => pauseMs(retries),
      ...(tls === undefined ? {} : tlsOf(tls, host)),
    } as NonNullable<RedisClientOptions['socket']>,
    credentialsProvider: { type: 'async-credentials-provider', credentials: () => Promise.resolve(shown(login())) },
    ...(database === 0 ? {} : { database }),
    commandOptions: { timeout: COMMAND_TIMEOUT_MS },
    commandsQueueMaxLength: MAX_QUEUED_COMMANDS,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
  });
}

const shown = ({ username, password }: RedisLogin) => ({
  ...(username === undefined ? {} : { username: username.reveal() }),
  ...(password === undefined ? {} : { password: password.reveal() }),
});

function tlsOf({ ca, certificate, key, serverName }: RedisTls, host: string) {
  return {
    tls: true,
    minVersion: 'TLSv1.2',
    servername: serverName ?? host,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key: key.reveal() }),
  };
}

/** Grows to a second; by half at random, so that many gateways do not come back at one moment. */
function pauseMs(retries: number): number {
  const full = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(retries, 10), LONGEST_PAUSE_MS);
  return Math.ceil(full / 2 + (Math.random() * full) / 2);
}
