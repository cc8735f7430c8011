import { RunError } from '../errors.ts';

/** What an error of AWS, of its credentials or of the network has, and an error of ours has not. */
const FOREIGN = ['$metadata', '$response', 'tryNextLink', 'errno', 'syscall'];

/** Does something on AWS. Whatever AWS or the network refuses is thrown as a RunError of one line. */
export async function onAws<T>(doing: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Error) || !isForeign(error)) throw error;
    throw new RunError(`cannot ${doing}: ${describe(error)}`, { cause: error });
  }
}

function isForeign(error: Error): boolean {
  return FOREIGN.some((key) => key in error) || /^(Region is missing|Could not load credentials)/.test(error.message);
}

/** "AccessDenied: User ... is not authorized": the name tells more than some messages do. */
function describe(error: Error): string {
  const message = error.message.replaceAll(/\s+/g, ' ').trim();
  return error.name === 'Error' || message === '' ? message || error.name : `${error.name}: ${message}`;
}
