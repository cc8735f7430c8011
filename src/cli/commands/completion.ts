import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../completion.ts';
import { print } from '../storage-location.ts';

export function define(command: Command): void {
  command.addArgument(new Argument('<shell>', 'whose').choices(SHELLS)).action((shell: Shell) => {
    if (command.parent !== null) print(completionScript(command.parent, shell).trimEnd());
  });
}
