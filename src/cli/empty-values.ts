import type { Command } from 'commander';
import { InputError } from '../errors.ts';

/**
 * Refuses empty arguments and values of options: `--out "$OUT"` with no OUT would be the folder that igd was started in. Throws InputError.
 */
export function refuseEmpty(command: Command): void {
  command.hook('preAction', (_, asked) => {
    const values: Readonly<Record<string, unknown>> = asked.opts();
    const named = [
      ...asked.options.map((option) => [option.long ?? option.flags, values[option.attributeName()]] as const),
      ...asked.registeredArguments.map((argument, place) => [`<${argument.name()}>`, asked.args[place]] as const),
    ];
    const empty = named.find(([, value]) => value === '' || (Array.isArray(value) && value.includes('')));
    if (empty !== undefined) throw new InputError(`${empty[0]} is empty: is the variable set that it was made of?`);
  });
}
