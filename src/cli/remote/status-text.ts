import { count, counted, list } from '../../report/format.ts';
import type { TaskProgress } from '../../schemas/service.ts';
import type { RunStatus, StageStatus } from '../../service/status.ts';
import { clock } from '../progress.ts';

/** Tasks under way that are shown one by one. */
const TASKS_SHOWN = 10;

/** A run's state for people. `price` is what an hour of one machine costs, in dollars. */
export function statusText(status: RunStatus, bucket: string, price: number | undefined): string {
  const {
    run,
    config,
    attempt,
    state,
    submittedAt,
    images,
    device,
    outcome,
    stages,
    failures,
    report,
    problem,
    history,
    sweep,
  } = status;
  const planned = images === undefined ? '' : `; ${counted(images, 'image')} on ${device}`;
  const lines = [
    `run ${run}: ${state}${status.secondsLeft === undefined ? '' : `, about ${clock(status.secondsLeft)} left of this stage`}`,
    row('config', `${config}, attempt ${attempt}, submitted ${submittedAt}${planned}`),
    ...(sweep === undefined ? [] : [row('sweep', `${counted(sweep.runs.length, 'run')}: ${list(sweep.runs)}`)]),
    ...(problem === undefined ? [] : [row('problem', problem)]),
    ...stages.flatMap(stageLines),
    row('cost', costText(status, price)),
    ...limitLines(status),
    ...failures.map(({ stage, job, message }) =>
      row('failed', `${stage}, ${job ?? 'before its first job'}: ${message}`),
    ),
    ...(outcome === undefined ? [] : [row('outcome', outcome.message)]),
    ...history.map(({ schedule, comparison }) => row('history', `${schedule}: ${comparison.sentence}`)),
    ...(report === undefined ? [] : [row('report', `s3://${bucket}/${report} (igd download ${run} --to DIR)`)]),
  ];
  return lines.join('\n');
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(10)}${text}`;
}

function stageLines({ stage, jobs, tasks, progress, reasons }: StageStatus): string[] {
  const { waiting, running, failed } = tasks;
  const counts = Object.entries({ waiting, running, failed }).filter(([, number]) => number > 0);
  const states = counts.map(([state, number]) => `${count(number)} ${state}`).join(', ');
  const done = jobs === undefined ? [] : [`${count(jobs.done)}/${count(jobs.total)} done`];
  const underWay = progress.filter(({ job, jobs: all, done }) => job !== null && done < all);
  const hidden = underWay.length - TASKS_SHOWN;
  return [
    row(stage, [...done, ...(states === '' ? [] : [`containers: ${states}`])].join('; ')),
    ...underWay.slice(0, TASKS_SHOWN).map((task) => row('', taskText(task))),
    ...(hidden > 0 ? [row('', `and ${count(hidden)} more`)] : []),
    ...whyText(tasks, reasons),
  ];
}

/** "conf@0.8 shard 3: 41%, apgd-t, 14/32 robust" */
function taskText({ job, fraction, attack, robust, images }: TaskProgress): string {
  const parts = [`${job}: ${Math.floor(100 * fraction)}%`];
  if (attack !== null) parts.push(attack);
  if (robust !== null && images !== null) parts.push(`${robust}/${images} robust`);
  return parts.join(', ');
}

/** What Batch says of jobs that wait or failed; of one that only waits for its turn it says nothing. */
function whyText({ waiting, running }: StageStatus['tasks'], reasons: readonly string[]): string[] {
  if (reasons.length > 0) return reasons.map((reason) => row('', `Batch: ${reason}`));
  if (waiting === 0 || running > 0) return [];
  return [
    row(
      '',
      'waiting for a machine; Batch gives no reason yet. If it stays so: no Spot capacity, a vCPU quota, or the limit of the stack',
    ),
  ];
}

/** "$20.00, approved; its evaluations are expected to cost about $14.10" */
function limitLines({ limit, expectedDollars }: RunStatus): string[] {
  if (limit === undefined) return [];
  const expected =
    expectedDollars === undefined ? '' : `; its evaluations are expected to cost about $${expectedDollars.toFixed(2)}`;
  return [row('limit', `$${limit.maxDollars.toFixed(2)}${limit.isApproved ? ', approved' : ''}${expected}`)];
}

function costText({ stages, device }: RunStatus, price: number | undefined): string {
  const hours = stages.reduce((sum, { computeSeconds }) => sum + computeSeconds, 0) / 3600;
  const unit = device === 'cpu' ? 'machine-hours' : 'GPU-hours';
  const dollars = price === undefined ? 'give --price for dollars' : `about $${(hours * price).toFixed(2)}`;
  return `${hours.toFixed(2)} ${unit} of this attempt: ${dollars}`;
}
