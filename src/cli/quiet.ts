import type { Command } from 'commander';
import type { Output } from './progress.ts';

let isQuiet = false;

/** Gives a command `--quiet`: results, warnings and errors alone. */
export function addQuiet(command: Command): void {
  command.option('-q, --quiet', 'no progress: results, warnings and errors alone').hook('preAction', (asked) => {
    isQuiet = asked.opts().quiet === true;
  });
}

/** Where progress goes: standard error, or nowhere where the command is to be quiet. */
export function progressOutput(): Output {
  return isQuiet ? { write: () => true } : process.stderr;
}
