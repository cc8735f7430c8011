/** What onnxruntime asks before it makes its first session; Node writes it to the process's own environment. */
const SWITCH = 'ORT_DISABLE_TELEMETRY';

/**
 * onnxruntime 1.30 for Linux and macOS reports to Microsoft what models are run, and leaves files in the temporary folder.
 * igd's users were not asked: it is off, unless ORT_DISABLE_TELEMETRY says otherwise. To be called in the main thread, before
 * a session is made: in worker threads the environment is a copy that onnxruntime does not see.
 */
export function disableTelemetry(): void {
  process.env[SWITCH] ??= '1';
}
