import type { Flag, Report } from '../contracts/report.ts';

/** A flag as a person reads it: about whom, and who else it is true of with numbers of their own. */
export interface Notice extends Flag {
  /** A variant, a ranking, or null for the whole run. */
  readonly subject: string | null;
  readonly likewise: readonly string[];
}

/** Every flag of a report: on the run, on its rankings, on its variants. Variants with the same flag share a notice. */
export function noticesOf({ flags, ranking, variants }: Report): Notice[] {
  const ofRun = flags.map((flag) => ({ ...flag, subject: null, likewise: [] }));
  const ofRankings = ranking.methods.flatMap(({ method, flags }) =>
    flags.map((flag) => ({ ...flag, subject: `ranking ${method}`, likewise: [] })),
  );
  return [...ofRun, ...ofRankings, ...variantNotices(variants)];
}

/** The first variant tells the flag with its numbers; ten sentences that differ in a digit would hide the other flags. */
function variantNotices(variants: Report['variants']): Notice[] {
  const byCode = new Map<string, Notice & { likewise: string[] }>();
  for (const { id, flags } of variants) {
    for (const flag of flags) {
      const told = byCode.get(flag.code);
      if (told === undefined) byCode.set(flag.code, { ...flag, subject: id, likewise: [] });
      else told.likewise.push(id);
    }
  }
  return [...byCode.values()];
}
