import type { WriteStream } from 'node:tty';
import type { JobProgress } from '../runs/jobs/executor.ts';
import type { Job } from '../runs/planning/plan.ts';
import type { RunListener, Stage } from '../runs/run.ts';

/** Milliseconds between two lines for a terminal, between two JSON lines, and between two lines of a log. */
const REDRAW = 100;
const JSON_INTERVAL = 2000;
const LOG_INTERVAL = 60_000;
const BAR_WIDTH = 24;
const SHORT_BAR = 8;

export type Output = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

/** Who reads along: a terminal that a line can be redrawn on, a log that keeps every line, or a program. */
type Reader = 'terminal' | 'log' | 'program';

function readerOf({ isTTY }: Output, env: Environment): Reader {
  // GitHub, GitLab and nearly all others set it for the jobs they run, which some, as CircleCI, give a terminal.
  if (env.CI !== undefined && env.CI !== '' && env.CI !== 'false') return 'log';
  if (isTTY !== true) return 'program';
  return env.TERM === 'dumb' ? 'log' : 'terminal';
}

/** What tells readers apart: `CI` and `TERM`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface RunProgress extends RunListener {
  /** Leaves the terminal on a fresh line. */
  end(): void;
}

/**
 * Shows a run as it goes: a line that is redrawn on a terminal, a line a minute in the log of a CI service, JSON lines where
 * the output is piped. No colours anywhere.
 */
export function runProgress(output: Output, env: Environment = process.env): RunProgress {
  const tracker = new RunTracker();
  const reader = readerOf(output, env);
  const draw = DRAWN[reader](output);
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
      show(reader !== 'log');
    },
    elsewhere(job) {
      tracker.elsewhere(job);
      show(reader !== 'log');
    },
    processes(count) {
      tracker.processes = count;
    },
    end() {
      if (reader === 'terminal') output.write('\n');
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
    output.write(`\r\x1b[K${barLine(snapshot, (output.columns ?? 100) - 1)}`);
  };
}

/** What a narrow terminal goes without, one after the other: the time left is what people look for. */
const FORMS: readonly { readonly bar: number; readonly parts: readonly Part[] }[] = [
  { bar: BAR_WIDTH, parts: ['doing', 'robust', 'speed', 'left'] },
  { bar: BAR_WIDTH, parts: ['doing', 'robust', 'left'] },
  { bar: SHORT_BAR, parts: ['doing', 'robust', 'left'] },
  { bar: 0, parts: ['doing', 'robust', 'left'] },
  { bar: 0, parts: ['doing', 'left'] },
  { bar: SHORT_BAR, parts: ['left'] },
  { bar: 0, parts: ['left'] },
];

type Part = 'doing' | 'robust' | 'speed' | 'left';

/** "evaluate [#####-----] 41% 15/36 · conf@0.8 apgd-t · 14/32 robust · 812 evaluations/s · 1:20 left", or as much as fits. */
function barLine(snapshot: Snapshot, columns: number): string {
  const lines = FORMS.map(({ bar, parts }) => formLine(snapshot, bar, parts));
  return lines.find((line) => line.length <= columns) ?? (lines.at(-1) ?? '').slice(0, Math.max(columns, 0));
}

function formLine(snapshot: Snapshot, width: number, shown: readonly Part[]): string {
  const { stage, fraction, jobs, jobsDone, processes } = snapshot;
  const filled = Math.round(fraction * width);
  const bar = width === 0 ? '' : `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] `;
  const start = `${width === 0 ? stage : stage.padEnd(8)} ${bar}${Math.floor(fraction * 100)}% ${jobsDone}/${jobs}`;
  const texts = partsOf(snapshot);
  const others = processes === undefined ? [] : [`${processes} processes`];
  return [start, ...others, ...shown.flatMap((part) => texts[part] ?? [])].join(' · ');
}

/** Of what there is nothing to say yet, undefined. */
function partsOf({ job, state, evaluationsPerSecond, secondsLeft }: Snapshot): Record<Part, string | undefined> {
  const doing = [job !== undefined && 'variant' in job ? job.variant : undefined, state?.attack];
  const named = doing.filter((part) => part !== undefined);
  return {
    doing: named.length === 0 ? undefined : named.join(' '),
    robust: state?.robust === undefined ? undefined : `${state.robust}/${state.total} robust`,
    speed: evaluationsPerSecond > 0 ? `${Math.round(evaluationsPerSecond)} evaluations/s` : undefined,
    left: secondsLeft === undefined ? undefined : `${clock(secondsLeft)} left`,
  };
}

/** A line at the start of every stage and then one a minute, whatever ends meanwhile: logs are read from their end. */
function writeLog(output: Output): Draw {
  let written = Number.NEGATIVE_INFINITY;
  return (snapshot, force) => {
    const now = performance.now();
    if (!force && now - written < LOG_INTERVAL) return;
    written = now;
    output.write(`${formLine(snapshot, 0, FORMS[0]!.parts)}\n`);
  };
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

const DRAWN: Readonly<Record<Reader, (output: Output) => Draw>> = {
  terminal: drawBar,
  log: writeLog,
  program: writeJson,
};

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
  env: Environment = process.env,
): { update(done: number, total: number | undefined): void; end(): void } {
  let drawn = 0;
  return {
    update(done, total) {
      const now = performance.now();
      if (readerOf(output, env) !== 'terminal' || now - drawn < REDRAW) return;
      drawn = now;
      const share = total === undefined ? '' : ` of ${total} (${Math.floor((100 * done) / total)}%)`;
      output.write(`\r\x1b[K${`${what} ${done}${share}`.slice(0, (output.columns ?? 100) - 1)}`);
    },
    end() {
      if (drawn > 0) output.write('\r\x1b[K');
    },
  };
}
