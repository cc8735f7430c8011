import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { define } from '../../src/cli/commands/run.ts';
import { ROOT } from '../support/markdown.ts';

const file = (name: string) => readFileSync(`${ROOT}examples/cluster/${name}`, 'utf8');
const SLURM = file('slurm.sh');
const JOB = file('job.yaml');

/** Words and options of `igd run`, as the command itself takes them. */
function parsed(words: readonly string[]) {
  const command = new Command('run').exitOverride().configureOutput({ writeErr: () => {} });
  define(command);
  command.action(() => {}).parse(words, { from: 'user' });
  return { args: command.args, out: command.opts().out };
}

test('the SLURM script is one that bash takes, and starts igd run as itself', () => {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: SLURM, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(SLURM).toMatch(/^#SBATCH --array=1-\d+$/m);
  // Options after the first command are not read.
  expect(SLURM.lastIndexOf('\n#SBATCH')).toBeLessThan(SLURM.indexOf('\nset -'));
  const [, words = ''] = /^exec node_modules\/\.bin\/igd run (.*)$/m.exec(SLURM) ?? [];
  const values: Readonly<Record<string, string>> = { $1: 'c.json', $2: '/shared/run', $SLURM_CPUS_PER_TASK: '8' };
  expect(parsed(words.split(' ').map((word) => values[word.replaceAll('"', '')] ?? word))).toEqual({
    args: ['c.json'],
    out: '/shared/run',
  });
});

test('the Kubernetes Job is regular YAML whose pods do one run', () => {
  const lines = JOB.trimEnd()
    .split('\n')
    .filter((line) => !/^\s*#/.test(line));
  for (const line of lines) expect(line).toMatch(/^( {2})*(- )?[\w./-]+:( \S.*)?$/);
  const value = (key: string) => new RegExp(`^ *(?:- )?${key}: (.*)$`, 'm').exec(JOB)?.[1];
  expect(value('kind')).toBe('Job');
  // Each pod ends with code 0 once the run is complete.
  expect(value('completions')).toBe(value('parallelism'));
  const [command, ...words]: string[] = JSON.parse(value('args') ?? '[]');
  expect(command).toBe('run');
  const { args, out } = parsed(words);
  for (const path of [...args, out]) expect(path).toContain(`${value('mountPath')}/`);
});
