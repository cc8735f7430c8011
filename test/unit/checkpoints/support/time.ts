/** Time of this process's own work in ms; unlike wall time it does not depend on what else the machine does. */
export async function cpuMilliseconds(work: () => unknown): Promise<number> {
  const started = process.cpuUsage();
  await work();
  return process.cpuUsage(started).user / 1_000;
}
