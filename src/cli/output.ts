import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';
import { writeError } from '../stores/disk-error.ts';
import type { Output } from './progress.ts';

// What a command says: results to standard output, for people or for programs; progress to standard error.

let isQuiet = false;
let isJson = false;

/** A stream of the process, as far as it fails. */
type Failing = Pick<EventEmitter, 'on'>;

/**
 * Work goes on where nobody reads what is said of it: `igd run | head -1` closes the pipe long before the report is written. Where results
 * cannot be written for another reason, such as a disk that is full, `failed` is told, once; progress is no result.
 */
export function watchOutput(stdout: Failing, stderr: Failing, failed: (message: string) => void): void {
  let isTold = false;
  stdout.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EPIPE' || isTold) return;
    isTold = true;
    failed(writeError('the output', cause).message);
  });
  stderr.on('error', () => {});
}

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

/** Gives a command `--json`: what it hands to `printJson` is then all that it prints. */
export function addJson(command: Command): Command {
  return command.option('--json', 'print JSON').hook('preAction', (asked) => {
    isJson = asked.opts().json === true;
  });
}

/** A line for people; nothing where a program reads. */
export function print(line: string): void {
  if (!isJson) process.stdout.write(`${line}\n`);
}

/** The result as a program reads it; nothing where a person does. */
export function printJson(result: unknown): void {
  if (isJson) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}
