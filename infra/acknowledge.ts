import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Accepts findings of one cdk-nag rule at one construct, for one reason; each finding is named, none by pattern. */
export function acknowledge(at: IConstruct, rule: string, reason: string, findings: readonly string[]): void {
  Validations.of(at).acknowledge(...findings.map((finding) => ({ id: `${rule}[${finding}]`, reason })));
}
