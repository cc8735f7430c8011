// Entry of the container: does the task its environment names, and exits as AWS Batch is to understand it.
import { main } from '../../dist/runner.js';

// Who is told to stop does not wait for a download that is under way.
process.exit(await main());
