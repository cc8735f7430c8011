/**
 * What native libraries ask of the environment before the first session; Node writes it to the process's own.
 *
 * - onnxruntime 1.30 for Linux and macOS reports to Microsoft what models are run, and leaves files in the temporary folder. igd's
 *   users were not asked.
 * - CUDA's libraries round the factors of float32 products to TF32's ten bits where onnxruntime lets them, as it does by default;
 *   its option use_tf32 is none of the node binding's, the variable is the other way (microsoft/onnxruntime#19357, #19426). Logits
 *   would be off by some 1e-3, more than a proof lets pass.
 */
const VARIABLES = { ORT_DISABLE_TELEMETRY: '1', NVIDIA_TF32_OVERRIDE: '0' } as const;

/**
 * Sets the variables that are not set. To be called in the main thread, before a session is made: in worker threads the
 * environment is a copy that libraries do not see.
 */
export function prepareEnvironment(): void {
  for (const [name, value] of Object.entries(VARIABLES)) process.env[name] ??= value;
}
