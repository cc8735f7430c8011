import { Command } from 'commander';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { addQuiet, progressOutput } from '../../../src/cli/output.ts';
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
