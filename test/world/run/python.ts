/** Clients of PyPI: `lanes/python/<name>.py`, each in one of two environments, for s3fs pins a botocore that boto3 is not of. */
import { join } from 'node:path';
import type { Lane, Manners } from './lane.ts';
import { pythonPackages } from './python-packages.ts';

const ENVIRONMENTS = { current: 'requirements.txt', s3fs: 'requirements-s3fs.txt' };

interface PythonProgram extends Manners {
  readonly environment?: keyof typeof ENVIRONMENTS;
}

/** A program's name, its manners, and where its packages are. */
export function python(programs: Readonly<Record<string, PythonProgram>>): Lane {
  return {
    name: 'python',
    locks: Object.values(ENVIRONMENTS),
    install: async (folder, run) => {
      for (const [name, list] of Object.entries(ENVIRONMENTS)) await pythonPackages(folder, run, list, `venv-${name}`);
    },
    programs: Object.entries(programs).map(([name, { environment = 'current', ...manners }]) => ({
      name,
      ...manners,
      command: (folder) => [join(folder, `venv-${environment}`, 'bin', 'python'), join(folder, `${name}.py`)],
      environment: (_site, folder) => ({
        PATH: `${join(folder, `venv-${environment}`, 'bin')}:${process.env['PATH'] ?? ''}`,
        PYTHONDONTWRITEBYTECODE: '1',
      }),
    })),
  };
}
