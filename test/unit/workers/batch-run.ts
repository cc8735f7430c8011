import { setTimeout as delay } from 'node:timers/promises';
import { handleEvent } from '../../../functions/finalizer/handler.ts';
import { inspectInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { planRun } from '../../../src/runs/planning/plan.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { remoteKeys, STAGE_NAMES, type StageName, serviceKeys } from '../../../src/schemas/service.ts';
import { cancelRun, retryRun } from '../../../src/service/run-control.ts';
import { runStatus } from '../../../src/service/status.ts';
import { submitConfig } from '../../../src/service/submit-config.ts';
import { runTask } from '../../../src/service/task-runner.ts';
import { localise } from '../../../src/stores/open.ts';
import { within } from '../../../src/stores/store.ts';
import type { Container } from '../../service/cluster.ts';
import { scene } from '../../service/harness.ts';
import type { Moto } from '../../service/moto.ts';
import { type ExecutorRun, named, type Told } from './contract.ts';

/** A run on the service: submitted to Batch, its containers' entry in this process, its events handed to the finalizer. */
export async function batchRun(source: Record<string, unknown>, moto: Moto): Promise<ExecutorRun> {
  const { ctx, cluster } = await scene(moto);
  const text = JSON.stringify(source);
  const config = parseConfig(text, 'config.json');
  const plan = planRun(config, JSON.parse(text), await inspectInputs((await localise({ config })).config));
  const run = `${config.name}-${plan.id}`;
  const runs = within(ctx.runs, serviceKeys.run(run));
  let attempt = 0;

  const look = async (told: Told[]) => {
    const status = await runStatus(ctx, run);
    for (const { stage, jobs, progress } of status.stages) {
      if (jobs !== undefined) told.push({ kind: 'stage', stage, ...jobs });
      for (const { job, fraction } of progress)
        if (job !== null) told.push({ kind: 'job', job: named(stage, job), fraction });
    }
    return status;
  };
  /** Ends the run once a container of the stage has said that it is at work; the host then tells containers to stop. */
  const cancelOnce = async (stage: StageName, stop: AbortController) => {
    while (!(await runs.has(remoteKeys.progress(attempt, stage, 0)))) await delay(20);
    await delay(500);
    await cancelRun(ctx, run);
    stop.abort();
  };

  return {
    plan,
    runs,
    rankings: ctx.rankings,
    async go(cancelDuring) {
      const [told, done]: [Told[], string[]] = [[], []];
      const stop = new AbortController();
      attempt = attempt === 0 ? await submitConfig(ctx, config.name, text).then(() => 1) : await retryRun(ctx, run);
      const cancelling = cancelDuring === undefined ? undefined : cancelOnce(cancelDuring, stop);
      const container = counting(done, stop.signal);
      for (let events = await cluster.run(container); events.length > 0; events = await cluster.run(container)) {
        for (const event of events) await handleEvent(ctx, event);
        await look(told);
      }
      await cancelling;
      const { state, failures } = await look(told);
      const ended = state === 'complete' || state === 'cancelled' ? state : 'incomplete';
      return { ended, failures: failures.map(({ message }) => message), done, told };
    },
  };
}

/** The runner in this process, which says of each job whether it did it. */
function counting(done: string[], signal: AbortSignal): Container {
  return (env) => {
    const stage = STAGE_NAMES.find((name) => name === env.IGD_STAGE) ?? '';
    const there = new Set<string>();
    const log = (line: string) => {
      const [, label = '', what] = /^(.+) is (there already|done \(.*\))$/.exec(line) ?? [];
      if (what === 'there already') there.add(label);
      else if (what !== undefined && !there.has(label)) done.push(named(stage, label));
    };
    return runTask({ env: { ...process.env, ...env }, signal, log });
  };
}
