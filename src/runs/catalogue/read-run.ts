import { z } from 'zod';
import { InputError } from '../../errors.ts';
import { outcomesOf, type RunOutcomes } from '../../report/compare/run-outcomes.ts';
import { runKeys } from '../../schemas/keys.ts';
import { type Report, reportSchema } from '../../schemas/report.ts';
import type { Store } from '../../stores/store.ts';

/** Where the files of a report are, and how its reader calls them. */
export interface ReportLocation {
  readonly store: Store;
  readonly where: (key: string) => string;
  /** report.json, where it has no other name. */
  readonly file?: string;
}

const IMAGES = runKeys.report('images.csv');
const PLAN = runKeys.plan;

/** Of a plan only this is wanted, and of any version. */
const suiteSchema = z.looseObject({ suite: z.array(z.record(z.string(), z.json())).optional() });

/**
 * A finished run as another one is compared with it: report.json, images.csv beside it, and what plan.json says of the suite,
 * where it is there. Throws InputError where the first two are not there, or are of no run of this version.
 */
export async function readRun(location: ReportLocation): Promise<RunOutcomes> {
  const { store, where } = location;
  const report = await readReport(location);
  const [images, plan] = await Promise.all([store.get(IMAGES), store.get(PLAN)]);
  if (images === undefined)
    throw new InputError(
      `${where(IMAGES)} is not there: runs are compared image by image, so keep it beside the report`,
    );
  const outcomes = outcomesOf(report, new TextDecoder().decode(images), where(IMAGES));
  const suite = plan === undefined ? undefined : suiteSchema.safeParse(documentOf(plan)).data?.suite;
  return { report, outcomes, suite };
}

/** Throws InputError where there is none, or none of this version. */
export async function readReport({
  store,
  where,
  file = runKeys.report('report.json'),
}: ReportLocation): Promise<Report> {
  const bytes = await store.get(file);
  if (bytes === undefined)
    throw new InputError(
      (await store.has(PLAN))
        ? `${where('')} holds a run without a report: run it to its end first`
        : `${where(file)} is not there: give a run's folder or its report.json`,
    );
  const parsed = reportSchema.safeParse(documentOf(bytes));
  if (parsed.success) return parsed.data;
  throw new InputError(`${where(file)} is no report of this version of igd: write it anew with "igd report"`);
}

/** undefined where there are no bytes, or they are no JSON. */
export function documentOf(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
