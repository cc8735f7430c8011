import type { ParameterSweepPlan } from '../schemas/parameter-sweep.ts';

/** A value as tables and plots have it: of paths, the part that tells them apart, which its folder is called after. */
export function valueName(
  { key }: Pick<ParameterSweepPlan, 'key'>,
  { value, folder }: ParameterSweepPlan['runs'][number],
): string {
  return key === 'dataset.test' ? folder.replace(`${key}=`, '') : String(value);
}
