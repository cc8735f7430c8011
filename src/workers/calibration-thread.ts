import { parentPort, workerData } from 'node:worker_threads';
import { calibrate } from '../runs/planning/calibrate.ts';
import { decodePlan } from '../runs/planning/plan.ts';
import { onnxRuntime } from '../runtime/session.ts';
import { localise } from '../stores/open.ts';
import type { CalibrationReply, CalibrationSetup } from './calibration.ts';
import { toFailure } from './messages.ts';

/** Calibrates once and ends. */
async function serve({ plan: bytes, threads, ...options }: CalibrationSetup): Promise<CalibrationReply> {
  const plan = decodePlan(new TextEncoder().encode(bytes), 'plan.json');
  const { config } = await localise(plan);
  const runtime = onnxRuntime({ threads, device: config.compute.device });
  return { kind: 'rates', rates: await calibrate({ ...options, plan: { ...plan, config }, runtime }) };
}

if (parentPort !== null) {
  const port = parentPort;
  serve(workerData as CalibrationSetup).then(
    (reply) => port.postMessage(reply),
    (error: unknown) => port.postMessage(toFailure(error)),
  );
}
