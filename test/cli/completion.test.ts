import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { igd, scratch } from '../support/cli.ts';

const has = (shell: string) => spawnSync(shell, ['-c', 'true'], { stdio: 'ignore' }).status === 0;
const folder = scratch();
const scripts = new Map<string, string>();
beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await igd(['completion', shell]);
    expect(code).toBe(0);
    scripts.set(shell, stdout);
    writeFileSync(folder.path(shell), stdout);
  }
});
afterAll(() => folder.remove());

describe.skipIf(!has('bash'))('in bash', () => {
  /** What it offers for the last word of a line. */
  function offered(...line: string[]): string[] {
    const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _igd; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, folder.path('bash'), ...line], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((word) => word !== '');
  }

  test('commands, options and values are completed', () => {
    expect(offered('igd', 'ver')).toEqual(['verify']);
    expect(offered('igd', '')).toEqual(expect.arrayContaining(['run', 'report', 'completion', 'help']));
    expect(offered('igd', 'run', 'c.json', '--o')).toEqual(['--out']);
    expect(offered('igd', 'run', 'c.json', '--device', '')).toEqual(['cpu', 'cuda', 'webgpu']);
    expect(offered('igd', 'rank', 'x.pt', '--method', 'l')).toEqual(['loir']);
    expect(offered('igd', 'completion', '--q')).toEqual(['--quiet']);
  });

  test('everything else is left to bash, which completes files', () => {
    expect(offered('igd', 'run', 'con')).toEqual([]);
    expect(offered('igd', 'run', 'c.json', '--out', '')).toEqual([]);
    expect(scripts.get('bash')).toContain('complete -o bashdefault -o default -F _igd igd');
  });
});

test.each(['zsh', 'fish'])('%s is told every command and option, and reads it where it is there', (shell) => {
  const script = scripts.get(shell) ?? '';
  for (const word of ['verify', 'report', 'price-per-hour', 'cpu cuda webgpu']) expect(script).toContain(word);
  if (has(shell)) expect(spawnSync(shell, ['-n', folder.path(shell)], { encoding: 'utf8' }).stderr).toBe('');
});

test('every command can be quiet, and all that print results print JSON', () => {
  const flags = [...(scripts.get('bash') ?? '').matchAll(/^ +([a-z]+)\) words='(.*)' ;;$/gm)];
  expect(flags.length).toBeGreaterThan(20);
  const without = (flag: string) =>
    flags.filter(([, , all = '']) => !all.split(' ').includes(flag)).map(([, name]) => name);
  expect(without('--quiet')).toEqual([]);
  // They start, end or show something, and print no result.
  expect(
    without('--json').filter((name) => !['browse', 'submit', 'cancel', 'retry', 'completion'].includes(name ?? '')),
  ).toEqual([]);
});

test('another shell is refused by name', async () => {
  const { code, stderr } = await igd(['completion', 'tcsh']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/tcsh.*bash, zsh, fish/);
});
