// Entry of a calibration thread.
import { load } from './load.mjs';

await load('workers/calibration-thread');
