import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { BUNDLING_STACKS } from 'aws-cdk-lib/cx-api';
import { serviceApp } from '../../infra/service-app.ts';
import { temporaryFolder } from '../support/temporary.ts';

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

interface Policy {
  readonly Properties: { readonly PolicyDocument: { readonly Statement: Statement[] } };
}

/** The template for a context, in process: no account, no Docker, and handlers not bundled unless asked for. */
export function synthesize(context: Readonly<Record<string, unknown>> = {}, { bundled = false } = {}) {
  const outdir = temporaryFolder('igd-synth-');
  const { app, stack } = serviceApp({
    outdir,
    context: { ...(bundled ? {} : { [BUNDLING_STACKS]: [] }), ...context },
  });
  const template = Template.fromStack(stack);
  return { app, stack, outdir, template, file: join(outdir, `${stack.stackName}.template.json`) };
}

/** Properties of the only resource of a type whose logical id has a prefix. */
export function only(template: Template, type: string, prefix: string): Readonly<Record<string, unknown>> {
  const found = template.findResources(type) as Record<string, Resource>;
  const ids = Object.keys(found).filter((id) => id.startsWith(prefix));
  if (ids.length !== 1) throw new Error(`${ids.length} resources ${type} start with ${prefix}: ${Object.keys(found)}`);
  return found[ids[0] ?? '']?.Properties ?? {};
}

/** Every statement of the policies whose logical id has a prefix. */
export function statements(template: Template, prefix: string): Statement[] {
  const policies = template.findResources('AWS::IAM::Policy') as Record<string, Policy>;
  return Object.entries(policies)
    .filter(([id]) => id.startsWith(prefix))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
}
