import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Validations } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { hasRequirement } from '../support/require.ts';
import { synthesize } from './synthesized.ts';

/** What cdk-nag says of an app, each finding as "rule[finding]". */
function findings(app: App): string[] {
  return new AwsSolutionsChecks().validateScope(app).violations.map(({ ruleName }) => ruleName);
}

describe('cdk-nag', () => {
  test('finds nothing that is not acknowledged with a reason', () => {
    const { app } = synthesize({ email: 'someone@example.org', inputBuckets: 'zoo', requesterPays: 'dear' });
    expect(findings(app)).toEqual([]);
    for (const [rule, reason] of acknowledgements(app)) expect(reason.split(' ').length, rule).toBeGreaterThan(8);
  });

  test('would find something: the check is awake', () => {
    const { app, stack } = synthesize();
    new Queue(stack, 'Plain');
    expect(findings(app)).toContain('AwsSolutions-SQS4');
  });

  test('has no acknowledgement that nothing needs', () => {
    const { app } = synthesize();
    const acknowledged = acknowledgements(app).map(([rule]) => rule);
    forget(app);
    const raw = findings(app);
    expect(acknowledged.filter((rule) => !raw.includes(rule))).toEqual([]);
  });
});

/** Rule and reason of every acknowledgement of a nag rule, ours or CDK's. */
function acknowledgements(app: App): [rule: string, reason: string][] {
  return app.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .filter(([rule]) => rule.includes('AwsSolutions'))
      .map(([rule, reason]): [string, string] => [rule.replace('Annotation::', ''), reason]),
  );
}

/** Takes the acknowledgements away, where constructs keep their metadata. */
function forget(app: App): void {
  for (const { node } of app.node.findAll()) {
    const kept = node.metadata.filter(({ type }) => type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
    Object.assign(node, { _metadata: kept });
  }
}

describe('cfn-lint', () => {
  test.runIf(hasRequirement('cfn-lint'))('is clean', () => {
    const { app, file } = synthesize({ email: 'someone@example.org' });
    app.synth();
    const { status, stdout } = spawnSync('cfn-lint', [file], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

/** Says what a bundle exports as its handler. */
const IMPORT = 'import(process.argv[1]).then(({ handler }) => process.stdout.write(typeof handler))';

describe('bundles of the handlers', () => {
  test('hold all they import, and never load the native runtime', () => {
    const { app, outdir } = synthesize({}, { bundled: true });
    app.synth();
    const bundles = readdirSync(outdir, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('index.mjs'),
    );
    expect(bundles).toHaveLength(2);
    for (const bundle of bundles) {
      const code = readFileSync(join(outdir, bundle), 'utf8');
      expect(code).not.toMatch(/(from|import)\s*["']onnxruntime-node["']/);
      const imported = spawnSync(process.execPath, ['-e', IMPORT, join(outdir, bundle)], { encoding: 'utf8' });
      expect(imported.stdout, imported.stderr).toBe('function');
      expect(JSON.parse(readFileSync(join(outdir, bundle, '../package.json'), 'utf8'))).toMatchObject({ name: 'igd' });
    }
  });
});
