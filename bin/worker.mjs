// Entry of a worker thread.
import { load } from './load.mjs';

await load('workers/worker-thread');
