import { messageOf, RunError } from '../../../src/errors.ts';
import { inspectInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { encodePlan, type Plan, planRun } from '../../../src/runs/planning/plan.ts';
import { executeRun, type RunListener } from '../../../src/runs/run.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import type { StageName } from '../../../src/schemas/service.ts';
import { FileStore } from '../../../src/stores/folder-store.ts';
import { WorkerPool } from '../../../src/workers/worker-pool.ts';
import { type ExecutorRun, named, type Told } from './contract.ts';

/** A run as `igd run` does it, in a folder, two jobs at a time. */
export async function localRun(source: Record<string, unknown>, folder: string): Promise<ExecutorRun> {
  const written: Plan['source'] = JSON.parse(JSON.stringify(source));
  const config = parseConfig(JSON.stringify(source), 'config.json');
  const stores = { runs: new FileStore(`${folder}/run`), rankings: new FileStore(`${folder}/rankings`) };
  const executor = (plan: Plan) =>
    new WorkerPool({
      plan: encodePlan(plan),
      runs: { kind: 'folder', root: stores.runs.root },
      rankings: { kind: 'folder', root: stores.rankings.root },
      workers: 2,
      cores: 2,
    });
  return {
    plan: planRun(config, written, await inspectInputs(config)),
    ...stores,
    async go(cancelDuring) {
      const stop = new AbortController();
      const { listener, told, done } = recorder(cancelDuring, () => stop.abort(new RunError('cancelled')));
      const options = { config, source: written, ...stores, executor, listener, signal: stop.signal };
      const failure = await executeRun(options).then(() => undefined, messageOf);
      if (stop.signal.aborted) return { ended: 'cancelled', failures: [], done, told };
      const failures = failure === undefined ? [] : [failure];
      return { ended: failure === undefined ? 'complete' : 'incomplete', failures, done, told };
    },
  };
}

function recorder(cancelDuring: StageName | undefined, cancel: () => void) {
  const told: Told[] = [];
  const done: string[] = [];
  let stage: Extract<Told, { kind: 'stage' }> | undefined;
  const tell = (next: NonNullable<typeof stage>) => {
    stage = next;
    told.push(next);
  };
  const listener: RunListener = {
    stage: (name, counts) => tell({ kind: 'stage', stage: name, ...counts }),
    progress: (job, { fraction }) => {
      told.push({ kind: 'job', job: named(job.kind, job), fraction });
      if (job.kind === cancelDuring) cancel();
    },
    done: (job) => {
      done.push(named(job.kind, job));
      if (stage !== undefined) tell({ ...stage, done: stage.done + 1 });
    },
  };
  return { listener, told, done };
}
