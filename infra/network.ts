import { RemovalPolicy } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  type IVpc,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/**
 * Where jobs run: public subnets that nothing can enter, and S3 through a gateway endpoint.
 *
 * What it would cost while nothing runs, in us-east-1, for 3 zones and 730 hours a month:
 * - a NAT gateway in each zone: 3 x 730 x $0.045 = $99, and $0.045 for every GB pulled through it;
 * - isolated subnets with the six interface endpoints that ECS needs (ecr.api, ecr.dkr, ecs, ecs-agent, ecs-telemetry,
 *   logs): 6 x 3 x 730 x $0.01 = $131;
 * - this: nothing. A host that runs has a public address for $0.005 an hour, half a percent of what the host costs.
 * The security group has no inbound rule, so the address answers nobody; checkpoints, data sets and image layers come
 * from S3 through the endpoint, which is free.
 */
export class Network extends Construct {
  /** An interface, because CDK's classes do not fit CDK's interfaces under exactOptionalPropertyTypes. */
  readonly vpc: IVpc;
  /** Out to everywhere, in from nowhere. */
  readonly jobs: SecurityGroup;

  constructor(scope: Construct, id: string, { zones }: { readonly zones: number }) {
    super(scope, id);
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: zones,
      natGateways: 0,
      subnetConfiguration: [{ name: 'jobs', subnetType: SubnetType.PUBLIC, cidrMask: 20, mapPublicIpOnLaunch: true }],
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
      // Would be a custom resource; nothing here uses the default group.
      restrictDefaultSecurityGroup: false,
    });
    this.vpc = vpc as IVpc;
    vpc.addFlowLog('Rejected', {
      // What was accepted is traffic with AWS, by the gigabyte; what was rejected is what one wants to see.
      trafficType: FlowLogTrafficType.REJECT,
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'FlowLogs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY }),
      ),
    });
    this.jobs = new SecurityGroup(this, 'Jobs', {
      vpc: this.vpc,
      description: 'igd jobs: nothing may connect to them',
      allowAllOutbound: true,
    });
  }
}
