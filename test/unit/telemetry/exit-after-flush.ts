/** Logs 5,000 lines, flushes and exits at once. */
import { createLog } from '../../../src/telemetry/log.ts';

const log = createLog({ stream: process.stdout, level: 'info', worker: 0 });
for (let index = 0; index < 5000; index++)
  log.write('info', 'request_failed', 'line', { index, filling: 'x'.repeat(200) });
await log.flush();
process.exit(0);
