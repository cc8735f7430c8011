import { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { refuseEmpty } from '../../../src/cli/empty-values.ts';
import { InputError } from '../../../src/errors.ts';

/** Runs a command with an argument, an option of one value and one of several. */
async function run(argv: readonly string[]) {
  const work = vi.fn();
  const program = new Command();
  const command = program.command('work').argument('<config>').option('--out <dir>').option('--labels <path...>');
  refuseEmpty(command);
  command.action(work);
  const error = await program.parseAsync(['node', 'igd', 'work', ...argv]).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { worked: work.mock.calls.length, error };
}

test.each([
  [['c.json', '--out', ''], '--out is empty: is the variable set that it was made of?'],
  [['', '--out', 'x'], '<config> is empty'],
  [['c.json', '--labels', 'a', ''], '--labels is empty'],
])('%j is refused before anything is done: an unset variable would be the current folder', async (argv, message) => {
  const { worked, error } = await run(argv);
  expect(error).toBeInstanceOf(InputError);
  expect((error as InputError).message).toContain(message);
  expect(worked).toBe(0);
});

test('values that are there are not', async () => {
  expect(await run(['c.json', '--out', 'x', '--labels', 'a'])).toEqual({ worked: 1, error: undefined });
});
