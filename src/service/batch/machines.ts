import {
  BatchClient,
  DescribeComputeEnvironmentsCommand,
  GetJobQueueSnapshotCommand,
  UpdateComputeEnvironmentCommand,
} from '@aws-sdk/client-batch';
import { act } from './batch-queue.ts';

export type MachineState = 'ENABLED' | 'DISABLED';

/** What stands behind queues: AWS Batch, or what a test puts in its place. */
export interface Machines {
  /** Since when jobs of a queue have waited without any that starts; undefined where none waits. */
  standingSince(queue: string): Promise<Date | undefined>;
  /** Of a compute environment; undefined while it is being changed, as by a deployment, or is in no order. */
  stateOf(environment: string): Promise<MachineState | undefined>;
  /** Jobs that run in an environment that is switched off run on. */
  setState(environment: string, state: MachineState): Promise<void>;
}

/** Throws RunError, naming the queue or environment, where Batch refuses. */
export class BatchMachines implements Machines {
  readonly #client = new BatchClient({});

  /** A job that starts moves all behind it, a job that comes those that it is put before: who stood longest at one place tells. */
  async standingSince(jobQueue: string): Promise<Date | undefined> {
    const { frontOfQueue } = await act(`look at ${jobQueue}`, () =>
      this.#client.send(new GetJobQueueSnapshotCommand({ jobQueue })),
    );
    const times = (frontOfQueue?.jobs ?? []).flatMap(({ earliestTimeAtPosition }) => earliestTimeAtPosition ?? []);
    return times.length === 0 ? undefined : new Date(Math.min(...times));
  }

  async stateOf(environment: string): Promise<MachineState | undefined> {
    const { computeEnvironments = [] } = await act(`describe ${environment}`, () =>
      this.#client.send(new DescribeComputeEnvironmentsCommand({ computeEnvironments: [environment] })),
    );
    const [found] = computeEnvironments;
    return found?.status === 'VALID' ? found.state : undefined;
  }

  async setState(computeEnvironment: string, state: MachineState): Promise<void> {
    await act(`set ${computeEnvironment} to ${state}`, () =>
      this.#client.send(new UpdateComputeEnvironmentCommand({ computeEnvironment, state })),
    );
  }
}
