/** Loaded into a process under test: at SIGUSR2 something happens in it that nobody catches. */
import cluster from 'node:cluster';

process.on('SIGUSR2', () => {
  setTimeout(() => {
    throw new Error('thrown out of a timer');
  }, 1);
});

/** At SIGWINCH, in a primary: what was said to its workers could not be. */
process.on('SIGWINCH', () => {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.emit('error', new Error('write EPIPE'));
});
