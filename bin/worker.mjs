// Entry of a worker thread.
import { load } from './load.mjs';

await load('engines/worker-thread');
