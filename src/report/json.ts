import { z } from 'zod';
import { RunError } from '../contracts/errors.ts';
import { type Report, reportSchema } from '../contracts/report.ts';

/** report.json. Parsing checks the report and puts its keys in the schema's order: equal reports, equal bytes. */
export function reportJson(report: Report): string {
  const parsed = reportSchema.safeParse(report);
  if (parsed.success) return toText(parsed.data);
  throw new RunError(
    `the report does not fit its own schema, which is a fault of igd:\n${z.prettifyError(parsed.error)}`,
  );
}

/** The JSON Schema (draft 2020-12) that report.json keeps, for other programs to check it with. */
export function reportJsonSchema(): string {
  return toText(z.toJSONSchema(reportSchema));
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
