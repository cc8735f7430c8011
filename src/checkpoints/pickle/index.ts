import { CheckpointError } from '../../contracts/errors.ts';
import type { Cursor } from './cursor.ts';
import { Machine, MalformedPickle, type PickleHost } from './machine.ts';
import { OPCODES, STOP } from './opcodes.ts';
import type { PickleValue } from './values.ts';

/**
 * Reads one pickle from the cursor and leaves the cursor behind it. Names in the pickle stay names: only the calls in
 * `host.calls` are applied, everything else is recorded in placeholders.
 *
 * Time and memory are bounded whatever the bytes say. Throws CheckpointError for a damaged pickle, TruncatedPickle (one
 * of them) where the bytes end too early.
 */
export function unpickle(cursor: Cursor, host: PickleHost): PickleValue {
  const machine = new Machine(cursor, host);
  for (;;) {
    const start = cursor.position;
    const code = cursor.uint8();
    const opcode = OPCODES.get(code);
    try {
      if (code === STOP) return machine.result();
      if (opcode === undefined) throw new MalformedPickle('there is no such opcode');
      machine.charge(1);
      opcode.run(machine);
    } catch (error) {
      if (!(error instanceof MalformedPickle)) throw error;
      const where = `byte ${start}, opcode ${opcode?.name ?? code}`;
      throw new CheckpointError(`its pickle is damaged (${where}): ${error.message}. Fetch the file again`);
    }
  }
}
