/** The section `admin`: the port of operators. */
import { address, hosts, key, section } from '../values/schema-words.ts';

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
  },
  'The port of operators.',
);
