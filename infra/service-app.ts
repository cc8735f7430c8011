import { Annotations, App, type AppProps, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readContext, unreadKeys } from './context.ts';
import { ServiceStack } from './stack.ts';

/**
 * Behaviours of aws-cdk-lib that are off unless asked for. They are set here and not in cdk.json, so that a test and the
 * `cdk` command make the same template.
 */
const FEATURE_FLAGS = {
  // Access logs through a bucket policy: the ACLs used otherwise are refused by buckets that enforce their owner.
  '@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy': true,
  // Policies without statements that repeat each other.
  '@aws-cdk/aws-iam:minimizePolicies': true,
  // "aws-cn" and "aws-us-gov" need no lists of regions.
  '@aws-cdk/core:enablePartitionLiterals': true,
};

/** The app with its one stack, checked by cdk-nag's AwsSolutions rules: a finding nobody acknowledged fails the synth. */
export function serviceApp(props: AppProps = {}): { app: App; stack: ServiceStack } {
  const app = new App({ ...props, context: { ...FEATURE_FLAGS, ...props.context } });
  const context = readContext(app.node);
  // No account and no region: the template is the same everywhere, and synth asks AWS nothing.
  const stack = new ServiceStack(app, context.stackName, context);
  // Said, not refused: a user's own ~/.cdk.json may have keys for other apps.
  for (const key of unreadKeys(app.node))
    Annotations.of(stack).addWarningV2('igd:unreadContextKey', `the context key "${key}" is read by nothing here`);
  // What a deployment costs, by this tag in Cost Explorer; cfn-lint does not know tags of dashboards yet.
  Tags.of(stack).add('igd:stack', context.stackName, { excludeResourceTypes: ['AWS::CloudWatch::Dashboard'] });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { app, stack };
}
