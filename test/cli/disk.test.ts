import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

const folder = scratch();
const mounted: string[] = [];
afterAll(() => {
  for (const path of mounted) execFileSync('umount', [path]);
  folder.remove();
});

const config = writeJson(
  folder.path('config.json'),
  smallConfig({ variants: ['none'], suite: [{ attack: 'apgd-ce', iterations: 2 }] }),
);
const run = (out: string) => igd(['run', config, '--out', out, '--rankings', folder.path('rankings')]);
const images = (out: string) => readFileSync(`${out}/images.csv`, 'utf8');
const undisturbed = folder.path('undisturbed');
beforeAll(async () => expect((await run(undisturbed)).code).toBe(0));

describe('an --out that cannot be made', () => {
  const dangling = folder.path('dangling');
  symlinkSync('/nowhere/at/all', dangling);
  // mkdir's own "recursive" never comes back from /proc, and no signal reaches it.
  test.each([
    ['/proc/x/run', 'cannot make the folder /proc/x'],
    [dangling, `cannot make the folder ${dangling}: a file or a link to nothing is in its place`],
    [`${dangling}/run`, `cannot make the folder ${dangling}: a file or a link to nothing`],
    [`${config}/run`, `${config} is a file: give a folder`],
  ])('%s is refused in one line', async (out, message) => {
    const { code, stderr } = await run(out);
    expect([code, lastLine(stderr)]).toEqual([2, expect.stringContaining(message)]);
  });
});

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

/** A small file system of its own; undefined where this may not be done. */
function tmpfs(name: string, options: string): string | undefined {
  const path = folder.path(name);
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  mounted.push(path);
  return path;
}

const full = tmpfs('full', 'size=96k');
describe.skipIf(full === undefined)(
  `on a file system of its own${full === undefined ? ' (only root may mount one)' : ''}`,
  () => {
    const disk = full ?? '';

    test('a full disk ends the run in words, leaves nothing half-written, and the run goes on once there is room', async () => {
      writeFileSync(`${disk}/ballast`, new Uint8Array(80 * 1024));
      const stopped = await run(`${disk}/run`);
      expect(stopped.code).toBe(1);
      expect(stopped.stderr).toContain('the disk is full: make room, then start the same command again');
      expect(stopped.stderr).not.toContain('    at ');
      const left = readdirSync(`${disk}/run`, { recursive: true }).map(String);
      expect(left.filter((name) => name.includes('unfinished'))).toEqual([]);
      expect(existsSync(`${disk}/run/report.json`)).toBe(false);

      rmSync(`${disk}/ballast`);
      execFileSync('mount', ['-o', 'remount,size=16m', disk]);
      expect((await run(`${disk}/run`)).code).toBe(0);
      const undisturbed = folder.path('undisturbed');
      expect((await run(undisturbed)).code).toBe(0);
      expect(images(`${disk}/run`)).toBe(images(undisturbed));
    });

    test('a read-only one is refused', async () => {
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const { code, stderr } = await run(`${disk}/other`);
      execFileSync('mount', ['-o', 'remount,rw', disk]);
      expect([code, lastLine(stderr)]).toEqual([
        2,
        expect.stringMatching(/cannot make the folder .*: EROFS: read-only file system.*give another place/),
      ]);
    });
  },
);

test('a folder that is removed while it runs is made again, and the report is whole', async () => {
  const out = folder.path('removed');
  let isRemoved = false;
  const when = () => {
    if (!isRemoved && existsSync(`${out}/plan.json`)) {
      // In one step: what is being written meanwhile cannot keep the folder there.
      renameSync(out, `${out}.gone`);
      isRemoved = true;
    }
    return false;
  };
  const { code, stderr } = await igd(['run', config, '--out', out, '--rankings', folder.path('rankings')], {
    when,
    signal: 'SIGKILL',
  });
  expect(isRemoved).toBe(true);
  // It goes on in a new folder, or says what is gone: no stack, and never a report of half the images.
  expect([0, 1]).toContain(code);
  expect(stderr).not.toContain('    at ');
  expect((await run(out)).code).toBe(0);
  expect(images(out)).toBe(images(undisturbed));
});
