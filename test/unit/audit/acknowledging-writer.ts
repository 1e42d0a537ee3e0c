/** Records accesses until it is killed; prints the id of each one after it was acknowledged. */
import { writeSync } from 'node:fs';
import { createAuditSink } from '../../../src/audit/create-audit-sink.ts';
import { intent } from './entries.ts';
import { record } from './lines.ts';

const directory = process.argv[2] ?? '';
const audit = await createAuditSink({
  directory,
  worker: 0,
  pid: process.pid,
  clock: { now: Date.now },
  observer: { event: () => undefined },
  minFreeBytes: 0,
});
let next = 0;
await Promise.all(
  Array.from({ length: 32 }, async () => {
    for (;;) {
      const id = `id-${process.pid}-${next++}`;
      await record(audit, intent(id));
      writeSync(1, `${id}\n`);
    }
  }),
);
