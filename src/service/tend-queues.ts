import type { Service } from '../schemas/service.ts';
import type { MachineState, Machines } from './batch/machines.ts';

/** How a queue was found. */
export interface QueueState {
  readonly queue: 'gpu' | 'cpu';
  /** For which jobs have waited and none has started; 0 where none waits. */
  readonly minutes: number;
  /** What its machines on demand were set to just now, where they were set. */
  readonly onDemand: MachineState | undefined;
}

const QUEUES = ['gpu', 'cpu'] as const;

/**
 * Looks at the queues, and buys on demand only where Spot had nothing: machines on demand are switched on once a queue has stood still
 * for the stack's `onDemandAfterMinutes`, and off once no job waits; what runs there runs on. Throws RunError where Batch refuses.
 */
export async function tendQueues(
  { queues, onDemand }: Pick<Service, 'queues' | 'onDemand'>,
  machines: Machines,
  now: Date,
): Promise<QueueState[]> {
  return Promise.all(
    QUEUES.map(async (queue): Promise<QueueState> => {
      const since = await machines.standingSince(queues[queue]);
      const minutes = since === undefined ? 0 : Math.max(0, (now.getTime() - since.getTime()) / 60_000);
      if (onDemand === null) return { queue, minutes, onDemand: undefined };
      const wanted = since === undefined ? 'DISABLED' : minutes >= onDemand.afterMinutes ? 'ENABLED' : undefined;
      return { queue, minutes, onDemand: await bring(machines, onDemand.environments[queue], wanted) };
    }),
  );
}

/** Gives the state where it had to be set. One that is being changed by somebody else is looked at again the next time. */
async function bring(
  machines: Machines,
  environment: string,
  wanted: MachineState | undefined,
): Promise<MachineState | undefined> {
  if (wanted === undefined) return undefined;
  const state = await machines.stateOf(environment);
  if (state === undefined || state === wanted) return undefined;
  await machines.setState(environment, wanted);
  return wanted;
}
