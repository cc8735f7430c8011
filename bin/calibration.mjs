// Entry of a calibration thread.
import { load } from './load.mjs';

await load('engines/calibration-thread');
