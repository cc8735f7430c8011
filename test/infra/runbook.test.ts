import { describe, expect, test } from 'vitest';
import { readPage } from '../support/markdown.ts';
import { type Resource, synthesize } from './synthesized.ts';

const RUNBOOK = 'docs/runbook.md';
const alarms = Object.entries(
  synthesize().template.findResources('AWS::CloudWatch::Alarm') as Record<string, Resource>,
).map(([id, { Properties }]) => ({ id, description: String(Properties.AlarmDescription) }));

/** The section an alarm sends its reader to. */
function sectionOf(description: string): string | undefined {
  return /\bSee docs\/runbook\.md#([\w-]+)$/.exec(description)?.[1];
}

describe('the runbook', () => {
  test('has a section of its own for every alarm of the stack, which its description names', () => {
    const { anchors } = readPage(RUNBOOK);
    expect(alarms.length).toBeGreaterThan(0);
    for (const { id, description } of alarms) expect([...anchors], id).toContain(sectionOf(description));
    expect(new Set(alarms.map(({ description }) => sectionOf(description))).size).toBe(alarms.length);
  });

  test('lists every alarm by the name it has in the stack', () => {
    const code = readPage(RUNBOOK).code;
    for (const { id } of alarms)
      expect(
        code.filter((name) => /^\w+$/.test(name) && id.startsWith(`Observability${name}`)),
        id,
      ).toHaveLength(1);
  });
});
