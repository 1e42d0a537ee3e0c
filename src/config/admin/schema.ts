/** The section `admin`: the port of operators. */
import { z } from 'zod';
import { address, count, hosts, key, name, section } from '../values/schema-words.ts';

export const admin = section(
  {
    address: key(
      address.default('127.0.0.1:9190'),
      '`host:port`',
      'Where `/healthz`, `/readyz` and `/metrics` are served, without authentication.',
    ),
    allowedHosts: hosts(
      'Hosts that requests to it may name beside `localhost`, `127.0.0.1`, `[::1]` and the address that they came in on.',
    ),
    checkSeconds: count(
      1,
      3600,
      60,
      'A dependency of which nothing was heard for so long is asked in the background, at a time chosen up to half as long again. Bounded; one that fails is asked more often.',
    ),
    readyNeeds: key(
      z.array(name).max(64).default([]),
      'a list of at most 64 names as `/readyz` has them, such as `keyring:vault`, or kinds of them, such as `issuer`',
      'Dependencies that must not be `degraded` for `/readyz` to say 200, nor `unknown` in the first 10 seconds. Without it what all replicas share makes none of them unready (docs/running.md).',
    ),
  },
  'The port of operators.',
);
