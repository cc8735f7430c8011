import { InputError } from '../../contracts/errors.ts';
import { acceptanceSchema, rejectionSchema, serviceKeys } from '../../contracts/service.ts';
import { readRecord } from '../../service/records.ts';
import type { Store } from '../../stores/store.ts';

/**
 * The run that is meant: by its own name, or by that of its config, which stands for the newest run of it. Throws InputError
 * for a config that was rejected, with its problems.
 */
export async function runNamed(runs: Store, name: string): Promise<string> {
  if (await runs.has(serviceKeys.claim(name, 1))) return name;
  const accepted = await readRecord(runs, serviceKeys.accepted(name), acceptanceSchema);
  if (accepted !== undefined) return accepted.run;
  const rejected = await readRecord(runs, serviceKeys.rejected(name), rejectionSchema);
  if (rejected !== undefined) throw new InputError(rejectionText(name, rejected.problems));
  return name;
}

export function rejectionText(name: string, problems: readonly string[]): string {
  return `the service rejected ${name}:\n${problems.map((line) => `  ${line}`).join('\n')}`;
}
