import assert from 'node:assert/strict';
import { readPolicy, readRecord } from '../../scripts/world-locks/debian-list.ts';
import { readGoMod } from '../../scripts/world-locks/go-mod.ts';
import { readPom } from '../../scripts/world-locks/pom.ts';
import { moved, readRequirements } from '../../scripts/world-locks/requirements.ts';

const installs = (...items: readonly [name: string, version: string, requires?: readonly string[]][]) => ({
  install: items.map(([name, version, requires = []]) => ({ metadata: { name, version, requires_dist: requires } })),
});

describe('what clients and stores are pinned to', () => {
  it('keeps in requirements.txt what was requested as it was asked, and writes anew what came along', () => {
    const before = readRequirements('boto3[crt]==1.1\nsix==1.0  # via boto3\nold==2.0  # held: the last that does\n');
    const report = installs(
      ['boto3', '1.2', ['awscrt==0.3 ; extra == "crt"', 'jmespath>=1']],
      ['awscrt', '0.3'],
      ['jmespath', '1.1'],
      ['old', '2.0'],
    );
    assert.equal(
      moved(before, report),
      'awscrt==0.3  # via boto3\nboto3[crt]==1.2\njmespath==1.1  # via boto3\nold==2.0  # held: the last that does\n',
    );
  });

  it('takes no requirement without its version', () => {
    assert.throws(() => readRequirements('boto3>=1'), /NAME==VERSION/);
  });

  it('knows in go.mod what is required, what are tools, and what came along', () => {
    const { requested, further, tools } = readGoMod(
      'module x\n\ngo 1.26.8\n\ntool example.org/a/v3/cmd/run\n\nrequire (\n\texample.org/a/v3 v3.1.0 // indirect\n\texample.org/b v1.0.0\n\texample.org/c v1.2.0 // indirect\n)\n',
    );
    assert.deepEqual(
      [[...requested], [...further], tools],
      [
        [
          ['example.org/a/v3', 'v3.1.0'],
          ['example.org/b', 'v1.0.0'],
        ],
        [['example.org/c', 'v1.2.0']],
        ['example.org/a/v3/cmd/run'],
      ],
    );
  });

  it('reads the packages of a pom, and not the version of the project', () => {
    const pom =
      '<project><version>1</version><dependencies><dependency><groupId>a</groupId><artifactId>b</artifactId><version>2</version></dependency></dependencies></project>';
    assert.deepEqual([...readPom(pom)], [['a:b', '2']]);
  });

  it('reads what sid would install, and what was recorded of it', () => {
    const policy =
      'rclone:\n  Installed: (none)\n  Candidate: 1.75.2-2\n  Version table:\n     1.75.2-2 500\nrestic:\n  Installed: (none)\n  Candidate: 0.19.1-1\n';
    const versions = [
      ['rclone', '1.75.2-2'],
      ['restic', '0.19.1-1'],
    ];
    assert.deepEqual([...readPolicy(policy)], versions);
    assert.deepEqual([...readRecord('rclone 1.75.2-2\nrestic 0.19.1-1\n')], versions);
  });
});
