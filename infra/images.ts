import { fileURLToPath } from 'node:url';
import { IgnoreMode } from 'aws-cdk-lib';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import type { ServiceContext } from './context.ts';

const CHECKOUT = fileURLToPath(new URL('../', import.meta.url));

/** What GPU jobs and CPU jobs run in, stages of containers/runner/Dockerfile. Fargate pulls its own each time. */
export interface RunnerImages {
  readonly gpu: ContainerImage;
  readonly cpu: ContainerImage;
}

/**
 * Built from this checkout by `cdk deploy`, the only command that needs Docker: synth only hashes the files that
 * .dockerignore lets through. A team whose deployment has no Docker builds them elsewhere and names the repository.
 */
export function runnerImages(
  scope: Construct,
  { imageRepository, imageTag, nodeImage, cudaImage, gpuDevice }: ServiceContext,
): RunnerImages {
  if (imageRepository !== undefined) {
    const repository = Repository.fromRepositoryName(scope, 'RunnerImages', imageRepository);
    const tagged = (stage: string) => ContainerImage.fromEcrRepository(repository, `${imageTag}-${stage}`);
    return { gpu: tagged(gpuDevice), cpu: tagged('cpu') };
  }
  const buildArgs = {
    ...(nodeImage === undefined ? {} : { NODE_IMAGE: nodeImage }),
    ...(cudaImage === undefined ? {} : { CUDA_IMAGE: cudaImage }),
  };
  const built = (target: string) =>
    ContainerImage.fromAsset(CHECKOUT, {
      file: 'containers/runner/Dockerfile',
      target,
      buildArgs,
      platform: Platform.LINUX_AMD64,
      ignoreMode: IgnoreMode.DOCKER,
    });
  return { gpu: built(gpuDevice), cpu: built('cpu') };
}
