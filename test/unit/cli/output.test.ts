import { EventEmitter } from 'node:events';
import { Command } from 'commander';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { addQuiet, progressOutput, watchOutput } from '../../../src/cli/output.ts';
import { countProgress, runProgress } from '../../../src/cli/progress.ts';

afterEach(() => void vi.restoreAllMocks());

describe('--quiet', () => {
  /** What reaches standard error of a command that shows both kinds of progress. */
  async function shown(flags: readonly string[]): Promise<number> {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const program = new Command();
    const command = program.command('work');
    addQuiet(command);
    command.action(() => {
      const progress = runProgress(progressOutput(), {});
      progress.stage('evaluate', { total: 1, done: 0 });
      progress.end();
      countProgress({ ...progressOutput(), isTTY: true }, 'bytes').update(1, 2);
    });
    await program.parseAsync(['node', 'igd', 'work', ...flags]);
    return write.mock.calls.length;
  }

  test.each(['--quiet', '-q'])('%s shows no progress', async (flag) => {
    expect(await shown([flag])).toBe(0);
  });

  test('without it there is some', async () => {
    expect(await shown([])).toBeGreaterThan(0);
  });
});

describe('output that cannot be written', () => {
  const errorOf = (code: string) => Object.assign(new Error(`${code}: write`), { code });

  test.each([
    ['nobody who reads results', 'EPIPE', 'EIO', 0],
    ['a full disk', 'ENOSPC', 'ENOSPC', 1],
  ])('%s', (_, ofResults, ofProgress, told) => {
    const [stdout, stderr, failed] = [new EventEmitter(), new EventEmitter(), vi.fn()];
    watchOutput(stdout, stderr, failed);
    stderr.emit('error', errorOf(ofProgress));
    for (let write = 0; write < 3; write++) stdout.emit('error', errorOf(ofResults));
    expect(failed).toHaveBeenCalledTimes(told);
    if (told > 0) expect(failed.mock.lastCall?.[0]).toMatch(/^cannot write the output: the disk is full: make room/);
  });
});
