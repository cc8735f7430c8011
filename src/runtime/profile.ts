import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** An event of a profile; those of nodes tell the op and who ran it. */
const profileSchema = z.array(
  z.object({
    cat: z.string().optional(),
    args: z
      .object({
        op_name: z.string().optional(),
        provider: z.string().optional(),
        input_type_shape: z.array(z.record(z.string(), z.unknown())).optional(),
      })
      .optional(),
  }),
);

/** A node of a graph, as it was run. */
export interface ProfiledNode {
  readonly op: string;
  /** Name of the execution provider, as onnxruntime has it: "CPUExecutionProvider". */
  readonly provider: string;
  /** Element types of its inputs, as onnxruntime has them: "float". */
  readonly inputTypes: readonly string[];
}

/** The nodes that were run, in order, of the only profile in a folder. */
export async function readProfile(folder: string): Promise<ProfiledNode[]> {
  const [file = ''] = await readdir(folder);
  const events = profileSchema.parse(JSON.parse(await readFile(join(folder, file), 'utf8')));
  return events.flatMap(({ cat, args = {} }) => {
    const { op_name: op, provider, input_type_shape: inputs = [] } = args;
    if (cat !== 'Node' || op === undefined || provider === undefined) return [];
    return [{ op, provider, inputTypes: inputs.flatMap(Object.keys) }];
  });
}
