import { type Testimony, testimonyText } from '../../schemas/testimony.ts';
import { changedFacts, type Judged } from './search.ts';

/** What a reading has otherwise than the stated one: "activation silu". */
export function describeChanges(stated: Judged, other: Judged): string {
  return changedFacts(stated, other)
    .map(({ key, value }) => `${key} ${value}`)
    .join(' and ');
}

/** Why a reading is refused, and what to say instead. */
export function contradiction(testimony: Testimony, stated: Judged, rivals: readonly Judged[]): string {
  const statements = rivals.map((rival) => statementOf(stated, rival));
  return (
    `how it is read is ${testimonyText(testimony)}. Say ${statements.join(', or ')}; or, where the images are meant to be ` +
    'unlike those it was trained on, "model": {"testimony": "flag"} (commands: --model key=value)'
  );
}

/** What a config must say for another reading to be taken: "model": {"activation": "silu"}. */
function statementOf(stated: Judged, { options, ...other }: Judged): string {
  const changed = new Set(changedFacts(stated, { options, ...other }).map(({ key }) => key));
  const said = Object.entries(options.model ?? {}).filter(([key, value]) => value !== undefined && changed.has(key));
  const before = stated.options.normalize;
  const parts: string[] = [];
  if (said.length > 0) parts.push(`"model": ${spaced(Object.fromEntries(said))}`);
  if (options.normalize !== undefined && options.normalize !== before)
    parts.push(`"checkpoint": {"normalize": ${spaced(options.normalize)}}`);
  if (before !== undefined && options.normalize === undefined) parts.push('no "normalize" in "checkpoint"');
  if (stated.options.inputRange !== undefined && options.inputRange === undefined)
    parts.push('no "inputRange" in "checkpoint"');
  return parts.join(' and ');
}

/** JSON on one line as people write it. */
function spaced(value: object): string {
  return JSON.stringify(value, null, 1)
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/([{[]) | ([}\]])/g, '$1$2');
}
