import type { WriteStream } from 'node:tty';
import type { JobProgress } from '../runs/jobs/executor.ts';
import type { Job } from '../runs/planning/plan.ts';
import type { RunListener, Stage } from '../runs/run.ts';

/** Milliseconds between two lines for a terminal, and between two JSON lines. */
const REDRAW = 100;
const JSON_INTERVAL = 2000;
const BAR_WIDTH = 24;

type Output = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

export interface RunProgress extends RunListener {
  /** Leaves the terminal on a fresh line. */
  end(): void;
}

/** Shows a run as it goes: a bar that is redrawn on a terminal, JSON lines where the output is piped. */
export function runProgress(output: Output): RunProgress {
  const tracker = new RunTracker();
  const draw = output.isTTY === true ? drawBar(output) : writeJson(output);
  const show = (force: boolean) => draw(tracker.snapshot(), force);
  return {
    stage(stage, jobs) {
      tracker.stage(stage, jobs);
      show(true);
    },
    progress(job, state) {
      tracker.progress(job, state);
      show(false);
    },
    done(job) {
      tracker.done(job);
      show(true);
    },
    elsewhere(job) {
      tracker.elsewhere(job);
      show(true);
    },
    processes(count) {
      tracker.processes = count;
    },
    end() {
      if (output.isTTY === true) output.write('\n');
    },
  };
}

interface Snapshot {
  readonly stage: Stage;
  readonly jobs: number;
  readonly jobsDone: number;
  /** That do the run together; left out where this is the only one. */
  readonly processes?: number;
  /** 0 to 1, of this stage. */
  readonly fraction: number;
  /** undefined until enough is done to tell. */
  readonly secondsLeft: number | undefined;
  /** Images the models have evaluated in this stage since this start, and how many of them a second. */
  readonly evaluations: number;
  readonly evaluationsPerSecond: number;
  /** The job heard of last. */
  readonly job: Job | undefined;
  readonly state: JobProgress | undefined;
}

/** Adds up what the workers say. */
class RunTracker {
  processes = 1;
  #stage: Stage = 'rank';
  #total = 0;
  #done = 0;
  /** Jobs and parts of jobs done before this start, the latter of jobs that are done by now: they say nothing of the speed. */
  #doneBefore = 0;
  #started = performance.now();
  #evaluations = 0;
  readonly #running = new Map<string, JobProgress>();
  #last: { job: Job; state: JobProgress } | undefined;

  stage(stage: Stage, { total, done }: { total: number; done: number }): void {
    this.#stage = stage;
    this.#total = total;
    this.#done = done;
    this.#doneBefore = done;
    this.#started = performance.now();
    this.#evaluations = 0;
    this.#last = undefined;
    this.#running.clear();
  }

  progress(job: Job, state: JobProgress): void {
    this.#running.set(JSON.stringify(job), state);
    this.#last = { job, state };
  }

  done(job: Job): void {
    const key = JSON.stringify(job);
    const state = this.#running.get(key);
    this.#evaluations += state === undefined ? 0 : newEvaluations(state);
    this.#doneBefore += state?.earlier?.fraction ?? 0;
    this.#running.delete(key);
    this.#done += 1;
  }

  /** Done by another process, which says as much of the time that is left as one of ours. */
  elsewhere(job: Job): void {
    this.#running.delete(JSON.stringify(job));
    this.#done += 1;
  }

  snapshot(): Snapshot {
    const running = [...this.#running.values()];
    const seconds = (performance.now() - this.#started) / 1000;
    const finished = this.#done + running.reduce((sum, { fraction }) => sum + fraction, 0);
    const before = this.#doneBefore + running.reduce((sum, { earlier }) => sum + (earlier?.fraction ?? 0), 0);
    const computed = finished - before;
    const evaluations = this.#evaluations + running.reduce((sum, state) => sum + newEvaluations(state), 0);
    return {
      stage: this.#stage,
      jobs: this.#total,
      jobsDone: this.#done,
      ...(this.processes > 1 && { processes: this.processes }),
      fraction: this.#total === 0 ? 1 : finished / this.#total,
      secondsLeft: computed > 0 && seconds > 1 ? (seconds / computed) * (this.#total - finished) : undefined,
      evaluations,
      evaluationsPerSecond: seconds > 0 ? evaluations / seconds : 0,
      job: this.#last?.job,
      state: this.#last?.state,
    };
  }
}

/** Images evaluated since this start. */
function newEvaluations({ evaluations, earlier }: JobProgress): number {
  return evaluations - (earlier?.evaluations ?? 0);
}

type Draw = (snapshot: Snapshot, force: boolean) => void;

function drawBar(output: Output): Draw {
  let drawn = 0;
  return (snapshot, force) => {
    const now = performance.now();
    if (!force && now - drawn < REDRAW) return;
    drawn = now;
    output.write(`\r\x1b[K${barLine(snapshot).slice(0, (output.columns ?? 100) - 1)}`);
  };
}

/** "evaluate [#####-----] 41% 15/36 · conf@0.8 apgd-t · 14/32 robust · 812 evaluations/s · 1:20 left" */
function barLine({
  stage,
  fraction,
  jobs,
  jobsDone,
  processes,
  job,
  state,
  evaluationsPerSecond,
  secondsLeft,
}: Snapshot): string {
  const filled = Math.round(fraction * BAR_WIDTH);
  const bar = `${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}`;
  const parts = [`${stage.padEnd(8)} [${bar}] ${Math.floor(fraction * 100)}% ${jobsDone}/${jobs}`];
  if (processes !== undefined) parts.push(`${processes} processes`);
  const doing = [job !== undefined && 'variant' in job ? job.variant : undefined, state?.attack];
  if (doing.some((part) => part !== undefined)) parts.push(doing.filter((part) => part !== undefined).join(' '));
  if (state?.robust !== undefined) parts.push(`${state.robust}/${state.total} robust`);
  if (evaluationsPerSecond > 0) parts.push(`${Math.round(evaluationsPerSecond)} evaluations/s`);
  if (secondsLeft !== undefined) parts.push(`${clock(secondsLeft)} left`);
  return parts.join(' · ');
}

function writeJson(output: Output): Draw {
  let written = Number.NEGATIVE_INFINITY;
  return ({ job, state, ...snapshot }, force) => {
    const now = performance.now();
    if (!force && now - written < JSON_INTERVAL) return;
    written = now;
    output.write(
      `${JSON.stringify({ ...snapshot, ...job, ...(state && { attack: state.attack, robust: state.robust, total: state.total }) })}\n`,
    );
  };
}

/** Seconds as "1:05" or "2:03:04". */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** A count that goes up on a terminal; nothing where the output is piped. */
export function countProgress(
  output: Output,
  what: string,
): { update(done: number, total: number | undefined): void; end(): void } {
  let drawn = 0;
  return {
    update(done, total) {
      const now = performance.now();
      if (output.isTTY !== true || now - drawn < REDRAW) return;
      drawn = now;
      output.write(
        `\r\x1b[K${what} ${done}${total === undefined ? '' : ` of ${total} (${Math.floor((100 * done) / total)}%)`}`,
      );
    },
    end() {
      if (output.isTTY === true && drawn > 0) output.write('\r\x1b[K');
    },
  };
}
